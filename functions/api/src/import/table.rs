//! An import as CSV.

use super::plan::{Name, Place, Plan, Said, refused};
use crate::fields::unknown;
use crate::problem::{FieldError, Kind, Problem};
use crate::{reference, registry};
use csv::{ReaderBuilder, StringRecord, Trim};
use spacehook_domain::place::SpaceKey;
use std::fmt::Display;

/// The columns.
const COLUMNS: &[&str] = &[
    "building_ref_id",
    "building_name",
    "floor_ref_id",
    "floor_name",
    "space_ref_id",
    "space_name",
    "sensor_id",
    "sensor_name",
];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a plan.
pub(super) fn read(body: &[u8]) -> Result<Plan, Problem> {
    // Spreadsheets write the mark; it is no part of the first column's name.
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let mut reader = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(body);
    let header = reader.headers().map_err(|error| malformed(&error))?.clone();
    let columns = read_header(&header)?;
    let mut plan = Plan::default();
    let mut lines = LineCount { body, at: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|error| malformed(&error))?;
        let number = lines.of(record.position());
        if record.len() == columns.len() {
            read_line(&mut Line { plan: &mut plan, columns: &columns, record: &record, number });
        } else {
            let detail = format!("has {} cells; the header has {}", record.len(), columns.len());
            plan.refuse(Place::Line(number, None).error(detail));
        }
    }
    plan.finish()
}

/// Counts the lines of a body. The reader's own count takes the end of a CRLF for a part of the next line.
struct LineCount<'a> {
    body: &'a [u8],
    at: usize,
    line: u64,
}

impl LineCount<'_> {
    /// The line on which the record at this position begins, past what is left of line ends before it.
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.at);
        let start = start.clamp(self.at, self.body.len());
        let ends = self.body[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = self.body[self.at..start + ends].split(|byte| *byte == b'\n').skip(1).count();
        self.at = start + ends;
        self.line += u64::try_from(passed).unwrap_or(u64::MAX);
        self.line
    }
}

fn malformed(error: &csv::Error) -> Problem {
    Problem::new(Kind::MalformedRequest, format!("The body is not valid CSV: {error}."))
}

fn read_header(header: &StringRecord) -> Result<Vec<&'static str>, Problem> {
    let mut columns = Vec::new();
    let mut errors = Vec::new();
    let mut refuse = |name: &str, detail: String| {
        errors.push(FieldError { line: Some(1), column: Some(name.to_owned()), detail, ..FieldError::default() });
    };
    for name in header {
        match COLUMNS.iter().find(|column| **column == name) {
            None => refuse(name, unknown(name, COLUMNS)),
            Some(column) if columns.contains(column) => refuse(name, "is there twice".to_owned()),
            Some(column) => columns.push(*column),
        }
    }
    if !columns.contains(&"building_ref_id") {
        refuse("building_ref_id", "is required".to_owned());
    }
    if errors.is_empty() { Ok(columns) } else { Err(refused(errors)) }
}

struct Line<'a> {
    plan: &'a mut Plan,
    columns: &'a [&'static str],
    record: &'a StringRecord,
    number: u64,
}

impl Line<'_> {
    /// The text of a cell, unless there is none.
    fn cell(&self, column: &str) -> Option<&str> {
        let place = self.columns.iter().position(|known| *known == column)?;
        self.record.get(place).filter(|text| !text.is_empty())
    }

    fn place(&self, column: &'static str) -> Place {
        Place::Line(self.number, Some(column))
    }

    fn refuse(&mut self, column: &'static str, detail: impl Into<String>) {
        let error = self.place(column).error(detail);
        self.plan.refuse(error);
    }

    /// The value of a cell, unless there is none or it is wrong.
    fn read<T, E: Display>(
        &mut self,
        column: &'static str,
        parse: impl for<'t> Fn(&'t str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(self.cell(column)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(column, error.to_string());
                None
            }
        }
    }

    fn name(&mut self, column: &'static str) -> Name {
        let what = self.read(column, registry::name)?;
        Some(Said { what, place: self.place(column) })
    }

    /// That a cell makes no sense without another.
    fn needs(&mut self, column: &'static str, other: &'static str) {
        if self.cell(column).is_some() && self.cell(other).is_none() {
            self.refuse(other, format!("is required where there is a {column}"));
        }
    }
}

fn read_line(line: &mut Line<'_>) {
    if line.cell("building_ref_id").is_none() {
        line.refuse("building_ref_id", "is required");
    }
    for (column, other) in [
        ("floor_name", "floor_ref_id"),
        ("space_name", "space_ref_id"),
        ("sensor_name", "sensor_id"),
        ("sensor_id", "space_ref_id"),
    ] {
        line.needs(column, other);
    }
    let building = line.read("building_ref_id", reference::building);
    let floor = line.read("floor_ref_id", reference::floor);
    let space = line.read("space_ref_id", reference::space);
    let sensor = line.read("sensor_id", reference::sensor);
    let [building_name, floor_name, space_name, sensor_name] =
        ["building_name", "floor_name", "space_name", "sensor_name"].map(|column| line.name(column));

    let Some(building) = building else { return };
    line.plan.building(&building, building_name);
    if let Some(floor) = &floor {
        line.plan.floor(&building, floor, floor_name);
    }
    let Some(space_ref_id) = space else { return };
    let key = SpaceKey { building_ref_id: building, space_ref_id };
    let floor = floor.map(|what| Said { what, place: line.place("floor_ref_id") });
    line.plan.space(&key, line.place("space_ref_id"), space_name, floor);
    if let Some(sensor) = sensor {
        line.plan.sensor(&key, &sensor, line.place("sensor_id"), sensor_name);
    }
}
