//! From what was written to what can be followed.

use super::super::envelope;
use super::super::quantity::QuantityName;
use super::written::{
    OneOrMore, Written, WrittenCondition, WrittenDecoding, WrittenQuantity, WrittenSensor, WrittenTime,
};
use super::{
    Condition, CounterConstants, Decoding, Encoding, Making, Quantity, Recipe, SCRIPT_BYTES_LIMIT, Script, Sensor,
    Time, WAYS_LIMIT,
};
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize as _;
use serde_json::Value;
use serde_path_to_error::Segment;
use std::collections::BTreeMap;

/// What is wrong with a recipe, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Mistake {
    /// The JSON Pointer of it in the recipe.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
}

/// What was found to be wrong so far.
#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Mistake { pointer: pointer.into(), detail: detail.into() });
    }

    fn pointer(&mut self, pointer: &str, text: String) -> String {
        if !text.is_empty() && !text.starts_with('/') {
            self.add(pointer, "must be a JSON Pointer (RFC 6901): empty, or beginning with '/'");
        }
        text
    }

    fn pointers(&mut self, pointer: &str, texts: Option<OneOrMore<String>>) -> Vec<String> {
        self.ways(pointer, texts, Self::pointer)
    }

    /// Each of them, as what it means.
    fn ways<W, T>(
        &mut self,
        pointer: &str,
        written: Option<OneOrMore<W>>,
        mut read: impl FnMut(&mut Self, &str, W) -> T,
    ) -> Vec<T> {
        let placed = written.map(OneOrMore::placed).unwrap_or_default();
        self.count(pointer, placed.len());
        placed.into_iter().map(|(place, way)| read(self, &format!("{pointer}{place}"), way)).collect()
    }

    fn count(&mut self, pointer: &str, found: usize) {
        if found > WAYS_LIMIT {
            self.add(pointer, format!("has {found} items; at most {WAYS_LIMIT} are allowed"));
        }
    }

    fn script(&mut self, pointer: &str, source: String) -> Script {
        if source.len() > SCRIPT_BYTES_LIMIT {
            self.add(pointer, format!("has {} bytes; at most {SCRIPT_BYTES_LIMIT} are allowed", source.len()));
        }
        Script::Owned(source)
    }

    fn conditions(&mut self, pointer: &str, written: Vec<WrittenCondition>) -> Vec<Condition> {
        self.ways(pointer, Some(OneOrMore::More(written)), |mistakes, pointer, WrittenCondition { at, of, is }| {
            Condition { at: mistakes.pointer(&format!("{pointer}/at"), at), of, is }
        })
    }

    fn sensor(&mut self, pointer: &str, WrittenSensor { at, of, after_last }: WrittenSensor) -> Sensor {
        Sensor { at: self.pointer(&format!("{pointer}/at"), at), of, after_last }
    }

    fn time(&mut self, pointer: &str, WrittenTime { at, of, zone }: WrittenTime) -> Time {
        let zone = zone.map_or(Some(TimeZone::UTC), |name| {
            let found = zone_named(&name);
            if found.is_none() {
                let rule =
                    "must be a zone of the IANA database such as Europe/Berlin, or an offset from UTC such as +01:00";
                self.add(format!("{pointer}/zone"), rule);
            }
            found
        });
        Time { at: self.pointer(&format!("{pointer}/at"), at), of, zone: zone.unwrap_or(TimeZone::UTC) }
    }

    fn quantity(&mut self, name: QuantityName, pointer: &str, written: WrittenQuantity) -> Quantity {
        let WrittenQuantity { at, of, only_if, table, otherwise, absent, count, flatten, unit, scale, bits } = written;
        if unit.is_some_and(|unit| !name.is_in(unit)) {
            self.add(format!("{pointer}/unit"), format!("is no unit of {name}"));
        }
        if scale.is_some_and(|scale| scale == 0.0) {
            self.add(format!("{pointer}/scale"), "must not be 0");
        }
        self.count(&format!("{pointer}/absent"), absent.len());
        if bits.is_some() && !name.is_total() {
            self.add(format!("{pointer}/bits"), "is of entries_total and exits_total alone");
        }
        if otherwise.is_some() && table.is_empty() {
            self.add(format!("{pointer}/otherwise"), "needs a table beside it");
        }
        Quantity {
            at: self.pointer(&format!("{pointer}/at"), at),
            of,
            only_if: self.conditions(&format!("{pointer}/only_if"), only_if),
            table: table.into_iter().map(|(word, meaning)| (word.trim().to_lowercase(), meaning)).collect(),
            otherwise,
            absent,
            count,
            flatten,
            unit,
            scale,
            bits,
        }
    }

    fn decoding(&mut self, written: WrittenDecoding) -> Decoding {
        let WrittenDecoding { script, source, payload, encoding, f_port, variables } = written;
        let script = match (script, source) {
            (None, Some(source)) => self.script("/decode/source", source),
            (Some(name), None) => {
                let found = super::super::decoder(&name);
                if found.is_none() {
                    self.add("/decode/script", format!("there is no built-in decoder '{name}'"));
                }
                Script::Borrowed(found.unwrap_or_default())
            }
            _ => {
                self.add(
                    "/decode",
                    "must have either the source of a decoder, or the name of a built-in one as script",
                );
                Script::default()
            }
        };
        let payload = self.pointers("/decode/payload", payload);
        if payload.is_empty() {
            self.add("/decode/payload", "is required: where the payload is");
        }
        self.count("/decode/variables", variables.len());
        Decoding {
            script,
            payload,
            encoding: encoding.unwrap_or(Encoding::Base64),
            f_port: self.pointers("/decode/f_port", f_port),
            variables: variables
                .into_iter()
                .map(|(name, places)| {
                    let places = self.pointers(&format!("/decode/variables/{}", escaped(&name)), Some(places));
                    (name, places)
                })
                .collect(),
        }
    }

    fn counter(&mut self, constants: CounterConstants) -> CounterConstants {
        if constants.utc_offset.as_deref().is_some_and(|offset| parse_offset(offset).is_none()) {
            self.add("/counter/utc_offset", "must be an offset from UTC such as +01:00");
        }
        constants
    }

    fn quantities(
        &mut self,
        written: BTreeMap<String, OneOrMore<WrittenQuantity>>,
    ) -> BTreeMap<QuantityName, Vec<Quantity>> {
        let mut read = BTreeMap::new();
        for (name, ways) in written {
            let pointer = format!("/quantities/{}", escaped(&name));
            let Some(name) = QuantityName::named(&name) else {
                self.add(pointer, format!("is no quantity; there are {}", known_quantities()));
                continue;
            };
            read.insert(name, self.ways(&pointer, Some(ways), |mistakes, at, way| mistakes.quantity(name, at, way)));
        }
        read
    }

    fn making(
        &mut self,
        normalize: Option<String>,
        each: Option<OneOrMore<String>>,
        quantities: Option<BTreeMap<String, OneOrMore<WrittenQuantity>>>,
    ) -> Making {
        let each = self.pointers("/each", each);
        match (normalize, quantities) {
            (Some(source), None) => {
                if !each.is_empty() {
                    self.add("/each", "can't stand beside normalize, which is called once a message");
                }
                return Making::Script(self.script("/normalize", source));
            }
            (Some(_), Some(_)) => {
                self.add("/quantities", "can't stand beside normalize: one of both makes the readings");
            }
            (None, Some(quantities)) if !quantities.is_empty() => {
                return Making::Table { each, quantities: self.quantities(quantities) };
            }
            (None, _) => self.add("/quantities", "must name at least one quantity; or else there must be normalize"),
        }
        Making::Table { each, quantities: BTreeMap::new() }
    }
}

/// What is known of quantities, for whoever asked for another.
fn known_quantities() -> String {
    QuantityName::ALL.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The zone of that name, or with that offset.
fn zone_named(name: &str) -> Option<TimeZone> {
    parse_offset(name).map(TimeZone::fixed).or_else(|| TimeZone::get(name).ok())
}

/// Reads `+01:00`.
pub(crate) fn parse_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = if let Some(rest) = text.strip_prefix('-') { (-1, rest) } else { (1, text.strip_prefix('+')?) };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| (digits.len() == 2).then(|| digits.parse::<i32>().ok()).flatten();
    let (hours, minutes) = (two(hours)?, two(minutes).filter(|minutes| *minutes < 60)?);
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub(super) fn read(written: &Value) -> Result<Recipe, Vec<Mistake>> {
    let mut written = shaped(written)?;
    let mut mistakes = Mistakes::default();
    if let Some(name) = written.envelope.take() {
        match envelope::named(&name).map(shaped).transpose()? {
            Some(envelope) => fill_in(&mut written, envelope),
            None => mistakes.add("/envelope", format!("must be one of {}", envelope::names().join(", "))),
        }
    }
    let recipe = Recipe {
        only_if: mistakes.conditions("/only_if", written.only_if),
        decoding: written.decode.map(|decode| mistakes.decoding(decode)),
        sensor_id: mistakes.ways("/sensor_id", written.sensor_id, Mistakes::sensor),
        timestamp: mistakes.ways("/timestamp", written.timestamp, Mistakes::time),
        counter: mistakes.counter(written.counter),
        making: mistakes.making(written.normalize, written.each, written.quantities),
    };
    if mistakes.0.is_empty() { Ok(recipe) } else { Err(mistakes.0) }
}

fn shaped(written: &Value) -> Result<Written, Vec<Mistake>> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(written, &mut track);
    Written::deserialize(tracked).map_err(|error| {
        let path = track.path();
        let pointer = path.iter().map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        });
        vec![Mistake { pointer: pointer.collect(), detail: error.to_string() }]
    })
}

/// What a recipe does not say itself is as its envelope says; a sensor or a time that is not where the recipe says is looked
/// for where the envelope does.
fn fill_in(written: &mut Written, envelope: Written) {
    if let (Some(decode), Some(of_envelope)) = (&mut written.decode, envelope.decode) {
        decode.payload = decode.payload.take().or(of_envelope.payload);
        decode.encoding = decode.encoding.or(of_envelope.encoding);
        decode.f_port = decode.f_port.take().or(of_envelope.f_port);
        for (name, places) in of_envelope.variables {
            decode.variables.entry(name).or_insert(places);
        }
    }
    written.sensor_id = both(written.sensor_id.take(), envelope.sensor_id);
    written.timestamp = both(written.timestamp.take(), envelope.timestamp);
}

fn both<T>(first: Option<OneOrMore<T>>, then: Option<OneOrMore<T>>) -> Option<OneOrMore<T>> {
    match (first, then) {
        (Some(first), Some(then)) => Some(first.followed_by(then)),
        (first, then) => first.or(then),
    }
}
