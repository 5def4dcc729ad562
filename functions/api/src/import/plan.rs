//! What an import asks for, and the mistakes in it.

use super::{BUILDINGS_LIMIT, SENSORS_LIMIT, SPACES_LIMIT};
use crate::problem::{FieldError, Problem};
use spacehook_domain::ids::{BuildingRefId, FloorRefId, SensorId, SpaceRefId};
use spacehook_domain::place::SpaceKey;
use std::collections::BTreeMap;
use std::fmt;

/// Mistakes listed, at most: a file in a wrong form has one a line.
const ERRORS_LIMIT: usize = 200;

/// Where in the body something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A JSON pointer.
    Pointer(String),
    /// A line of CSV and, where it is about one, a column.
    Line(u64, Option<&'static str>),
}

impl Place {
    pub(super) fn error(&self, detail: impl Into<String>) -> FieldError {
        let detail = detail.into();
        match self {
            Self::Pointer(pointer) => FieldError { pointer: Some(pointer.clone()), detail, ..FieldError::default() },
            Self::Line(line, column) => {
                let column = column.map(str::to_owned);
                FieldError { line: Some(*line), column, detail, ..FieldError::default() }
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Line(line, _) => write!(f, "line {line}"),
        }
    }
}

/// Something, and where it was first said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said<T> {
    pub(super) what: T,
    pub(super) place: Place,
}

/// A name that may be said several times, or not at all.
pub(super) type Name = Option<Said<String>>;

/// A building and all that is in it.
#[derive(Debug, Default)]
pub(super) struct PlannedBuilding {
    pub(super) name: Name,
    pub(super) floors: BTreeMap<FloorRefId, Name>,
    pub(super) spaces: BTreeMap<SpaceRefId, PlannedSpace>,
}

/// A space and its sensors.
#[derive(Debug)]
pub(super) struct PlannedSpace {
    pub(super) place: Place,
    pub(super) name: Name,
    pub(super) floor: Option<Said<FloorRefId>>,
    pub(super) sensors: BTreeMap<SensorId, Name>,
}

/// What an import asks for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) buildings: BTreeMap<BuildingRefId, PlannedBuilding>,
    homes: BTreeMap<SensorId, Said<SpaceKey>>,
    errors: Vec<FieldError>,
}

impl Plan {
    /// Notes a mistake.
    pub(super) fn refuse(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    /// Asks for a building.
    pub(super) fn building(&mut self, id: &BuildingRefId, name: Name) -> &mut PlannedBuilding {
        let building = self.buildings.entry(id.clone()).or_default();
        self.errors.extend(agree(&mut building.name, name, "the building"));
        building
    }

    /// Asks for a floor.
    pub(super) fn floor(&mut self, building: &BuildingRefId, id: &FloorRefId, name: Name) {
        let building = self.buildings.entry(building.clone()).or_default();
        let error = agree(building.floors.entry(id.clone()).or_default(), name, "the floor");
        self.errors.extend(error);
    }

    /// Asks for a space.
    pub(super) fn space(&mut self, key: &SpaceKey, place: Place, name: Name, floor: Option<Said<FloorRefId>>) {
        let building = self.buildings.entry(key.building_ref_id.clone()).or_default();
        let empty = || PlannedSpace { place, name: None, floor: None, sensors: BTreeMap::new() };
        let space = building.spaces.entry(key.space_ref_id.clone()).or_insert_with(empty);
        let name = agree(&mut space.name, name, "the space");
        let floor = agree(&mut space.floor, floor, "the floor of the space");
        self.errors.extend(name.into_iter().chain(floor));
    }

    /// Asks for a sensor in a space that was asked for.
    pub(super) fn sensor(&mut self, key: &SpaceKey, id: &SensorId, place: Place, name: Name) {
        match self.homes.get(id) {
            Some(home) if home.what != *key => {
                self.errors.push(place.error(format!("the sensor is in another space at {}", home.place)));
                return;
            }
            Some(_) => {}
            None => drop(self.homes.insert(id.clone(), Said { what: key.clone(), place })),
        }
        let building = self.buildings.get_mut(&key.building_ref_id);
        if let Some(space) = building.and_then(|building| building.spaces.get_mut(&key.space_ref_id)) {
            let error = agree(space.sensors.entry(id.clone()).or_default(), name, "the sensor");
            self.errors.extend(error);
        }
    }

    /// The plan, if nothing in it is wrong.
    pub(super) fn finish(mut self) -> Result<Self, Problem> {
        let count = |of: fn(&PlannedBuilding) -> usize| self.buildings.values().map(of).sum::<usize>();
        let table = [
            ("buildings and floors", self.buildings.len() + count(|building| building.floors.len()), BUILDINGS_LIMIT),
            ("spaces", count(|building| building.spaces.len()), SPACES_LIMIT),
            ("sensors", self.homes.len(), SENSORS_LIMIT),
        ];
        for (what, found, limit) in table {
            if found > limit {
                let detail = format!("{found} {what}; at most {limit} are imported at once: send them in parts");
                self.errors.push(FieldError { detail, ..FieldError::default() });
            }
        }
        if self.errors.is_empty() { Ok(self) } else { Err(refused(self.errors)) }
    }
}

/// All mistakes, or the first of very many.
pub(super) fn refused(mut errors: Vec<FieldError>) -> Problem {
    if errors.len() > ERRORS_LIMIT {
        let left = errors.len() - ERRORS_LIMIT;
        errors.truncate(ERRORS_LIMIT);
        errors.push(FieldError { detail: format!("and {left} more mistakes"), ..FieldError::default() });
    }
    Problem::of_errors(errors)
}

/// Takes what is said now, if nothing else was said before.
fn agree<T: PartialEq + fmt::Debug>(
    held: &mut Option<Said<T>>,
    now: Option<Said<T>>,
    what: &str,
) -> Option<FieldError> {
    match (held.as_ref(), now) {
        (_, None) => None,
        (None, Some(now)) => {
            *held = Some(now);
            None
        }
        (Some(before), Some(now)) if before.what == now.what => None,
        (Some(before), Some(now)) => Some(now.place.error(format!("{what} is said to be another at {}", before.place))),
    }
}
