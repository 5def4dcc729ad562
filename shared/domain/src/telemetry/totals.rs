//! The totals of a counter at a door.

use super::{FieldProblem, present};
use crate::counter::{Bits, Counting, Resets, Totals};
use crate::profile::parse_offset;
use jiff::tz::Offset;
use serde_json::{Map, Value};

/// The totals; both are needed, since one alone says nothing of who is there.
pub(super) fn read(fields: &Map<String, Value>) -> Result<Option<Totals>, FieldProblem> {
    let [entries, exits] =
        ["entries_total", "exits_total"].map(|name| present(fields, name).map(|value| (name, value)));
    let (entries, exits) = match (entries, exits) {
        (None, None) => return Ok(None),
        (Some(entries), Some(exits)) => (entries, exits),
        (None, Some(_)) => return Err(("entries_total", "must be there too where exits_total is".to_owned())),
        (Some(_), None) => return Err(("exits_total", "must be there too where entries_total is".to_owned())),
    };
    let counting = read_counting(fields)?;
    Ok(Some(Totals {
        entries: read_total(entries, counting.bits)?,
        exits: read_total(exits, counting.bits)?,
        counting,
    }))
}

fn read_total((name, value): (&'static str, &Value), bits: Bits) -> Result<u32, FieldProblem> {
    let whole = value.as_u64().or_else(|| value.as_f64().and_then(whole_number));
    let total = whole.and_then(|total| u32::try_from(total).ok()).filter(|total| *total <= bits.greatest());
    total.ok_or_else(|| (name, format!("must be a whole number from 0 to {}", bits.greatest())))
}

/// 2.0 is a whole number, 2.5 is none.
fn whole_number(float: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and of 32 bits")]
    (float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&float)).then_some(float as u64)
}

fn read_counting(fields: &Map<String, Value>) -> Result<Counting, FieldProblem> {
    let bits = present(fields, "counter_bits").map(|value| {
        let bits = value.as_u64().and_then(|bits| Bits::try_from(u8::try_from(bits).ok()?).ok());
        bits.ok_or(("counter_bits", "must be 16 or 32".to_owned()))
    });
    let resets = present(fields, "counter_resets").map(|value| match value.as_str() {
        Some("midnight") => Ok(Resets::Midnight),
        Some("never") => Ok(Resets::Never),
        _ => Err(("counter_resets", "must be midnight or never".to_owned())),
    });
    let offset = present(fields, "counter_utc_offset").map(|value| {
        let offset = value.as_str().and_then(parse_offset);
        offset.ok_or(("counter_utc_offset", "must be an offset from UTC such as +01:00".to_owned()))
    });
    Ok(Counting {
        bits: bits.transpose()?.unwrap_or_default(),
        resets: resets.transpose()?.unwrap_or_default(),
        utc_offset_s: offset.transpose()?.map_or(0, Offset::seconds),
    })
}
