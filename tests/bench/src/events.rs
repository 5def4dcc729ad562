//! The events that are delivered, and the batches of messages they come in.

use crate::subscribers::{EPOCH_S, TENANT};
use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use spacehook_domain::event::{About, Change, EVENT_VERSION, Event, EventSpace, EventType};
use spacehook_domain::ids::{BuildingRefId, EventId, FloorRefId, Sequence, SpaceId, SpaceRefId, TenantId};
use std::fmt::Write as _;

/// Messages of a batch: what SQS gives a function at once from a FIFO queue, at most.
pub(crate) const BATCH: u32 = 10;
/// Bytes of each body.
pub(crate) const BODY_BYTES: usize = 600;
/// Spaces that the events are of, in turn: no two events of a batch are of one space.
const SPACES: u32 = 1_000;
/// When events were received, seconds since 1970, as long as their batch is not handed out.
const RECEIVED_S: i64 = EPOCH_S + 1;
/// When their messages were received from the queue, milliseconds since 1970, as long as that.
const FIRST_RECEIVED_MS: &str = "1770000001234";

/// The event of this number. Its id is the number, so that who receives it knows which it is.
pub(crate) fn event(number: u32) -> anyhow::Result<Event> {
    let space = number % SPACES + 1;
    let at = Timestamp::from_second(EPOCH_S)?;
    Ok(Event {
        version: EVENT_VERSION,
        id: EventId::parse(format!("evt_{number:032x}"))?,
        tenant: TenantId::parse(TENANT)?,
        event_type: EventType::SpaceReport,
        sequence: Sequence(sequence(number)),
        about: About::Space(EventSpace {
            space_id: SpaceId(u64::from(space)),
            building_ref_id: BuildingRefId::parse("headquarters")?,
            floor_ref_id: Some(FloorRefId::parse("ground floor")?),
            space_ref_id: SpaceRefId::parse(format!("room {space}"))?,
        }),
        occurred_at: at,
        received_at: Timestamp::from_second(RECEIVED_S)?,
        trace: None,
        change: Change { occupancy_changed: true, first_of_hour: false },
        test: false,
        data: report(space, at)?,
    })
}

/// The number in an event's id.
pub(crate) fn number(id: &str) -> anyhow::Result<u32> {
    let digits = id.strip_prefix("evt_").context("the id is not of an event")?;
    Ok(u32::from_str_radix(digits, 16)?)
}

/// A report of a space with as many people as fit, and the name of its sensor filled up to [`BODY_BYTES`].
fn report(space: u32, at: Timestamp) -> anyhow::Result<Value> {
    let mut people: Vec<Value> = Vec::new();
    loop {
        people.push(json!([f64::from(space % 90) / 10.0 + 0.25, 3.75]));
        let written = |sensor: String| {
            json!({
                "building_ref_id": "headquarters", "floor_ref_id": "ground floor", "space_ref_id": format!("room {space}"),
                "space_id": space, "event_type": "space_report", "timestamp": at, "person_count": people.len(),
                "signs_of_life": true, "motion_detected": true,
                "people": {"count": people.len(), "coordinates": [people]}, "sensor_ids": [sensor],
            })
        };
        let missing =
            BODY_BYTES.checked_sub(written(String::new()).to_string().len()).context("the report is too long")?;
        // Less than another person and its comma take.
        if missing < 16 {
            return Ok(written("s".repeat(missing)));
        }
    }
}

/// A batch as Lambda hands it out.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Its number: its first event is the one of ten times this.
    pub(crate) number: u32,
    written: String,
}

impl Batch {
    /// The invocation's document, of a batch that is received at this moment. The dispatcher gives messages back that were
    /// received too long ago, and has less patience with receivers while events are late.
    pub(crate) fn document(&self, at: Timestamp) -> anyhow::Result<String> {
        let received = Timestamp::from_second(RECEIVED_S)?.to_string();
        let document = self.written.replace(FIRST_RECEIVED_MS, &at.as_millisecond().to_string());
        Ok(document.replace(&received, &at.to_string()))
    }
}

/// Writes batches. What does not change from event to event is written once, so that a batch costs the stub little.
pub(crate) struct Batches {
    /// For each space, its message in pieces; between each two goes the number of the event or its place in its space.
    messages: Vec<Vec<String>>,
    written: u32,
}

/// What stands for the two numbers while the pieces are made: digits that nothing else in a message has.
const NUMBER: u32 = 0xABCD_EF01;
const SEQUENCE: u64 = 987_654_321_123_456_789;

impl Batches {
    /// None written yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { messages: (0..SPACES).map(pieces).collect::<anyhow::Result<_>>()?, written: 0 })
    }

    /// The next batch, written as the event source of an SQS queue writes it.
    pub(crate) fn next(&mut self) -> anyhow::Result<Batch> {
        let number = self.written;
        let mut document = String::with_capacity(32 * 1_024);
        document.push_str(r#"{"Records":["#);
        for event in number * BATCH..(number + 1) * BATCH {
            let message = self.messages.get((event % SPACES) as usize).context("a space without messages")?;
            if event % BATCH > 0 {
                document.push(',');
            }
            for piece in message {
                match piece.as_str() {
                    "number" => write!(document, "{event:08x}")?,
                    "sequence" => write!(document, "{}", sequence(event))?,
                    text => document.push_str(text),
                }
            }
        }
        document.push_str("]}");
        self.written += 1;
        Ok(Batch { number, written: document })
    }
}

/// The place of an event in its space.
fn sequence(number: u32) -> u64 {
    u64::from(number / SPACES) + 1
}

/// The message of a space's event, cut at the two numbers.
fn pieces(space: u32) -> anyhow::Result<Vec<String>> {
    let event =
        Event { id: EventId::parse(format!("evt_{NUMBER:032x}"))?, sequence: Sequence(SEQUENCE), ..event(space)? };
    let message = serde_json::to_string(&message(&event)?)?;
    let (number, sequence) = (format!("{NUMBER:08x}"), SEQUENCE.to_string());
    let cut = message.replace(&number, "\0number\0").replace(&sequence, "\0sequence\0");
    Ok(cut.split('\0').map(str::to_owned).collect())
}

fn message(event: &Event) -> anyhow::Result<Value> {
    let id = event.id.as_str().trim_start_matches("evt_");
    Ok(json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": serde_json::to_string(event)?,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1770000000000",
            "SenderId": "000000000000",
            "ApproximateFirstReceiveTimestamp": FIRST_RECEIVED_MS,
            "MessageGroupId": format!("{TENANT}:{}", event.stream()),
            "MessageDeduplicationId": event.id,
            "SequenceNumber": id,
        },
        "messageAttributes": {},
        "md5OfBody": "9f8887d468a213ae4b18696fa7d4d2c7",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:spacehook-bench-events.fifo",
        "awsRegion": "us-east-1",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_domain::payload::SpaceReport;

    #[test]
    fn bodies_are_documented_reports_of_one_size() {
        for place in [0, 7, 99, 999, 1_000, 123_456] {
            let event = event(place).unwrap();
            assert_eq!(event.data.to_string().len(), BODY_BYTES, "{place}");
            serde_json::from_value::<SpaceReport>(event.data.clone()).unwrap();
            assert_eq!(number(event.id.as_str()).unwrap(), place);
        }
    }

    #[test]
    fn a_batch_holds_its_ten_events_each_of_another_space() {
        let mut batches = Batches::new().unwrap();
        let at = Timestamp::from_millisecond(1_780_000_000_123).unwrap();
        let batches: Vec<Batch> = (0..=SPACES / BATCH).map(|_| batches.next().unwrap()).collect();
        // The first batch, one in between, and the first that has a second event of its spaces.
        for number in [0, 3, SPACES / BATCH] {
            let batch = &batches[number as usize];
            assert_eq!(batch.number, number);
            let document: Value = serde_json::from_str(&batch.document(at).unwrap()).unwrap();
            let records = document["Records"].as_array().unwrap().iter();
            for record in records.clone() {
                assert_eq!(record["attributes"]["ApproximateFirstReceiveTimestamp"], "1780000000123");
            }
            let events: Vec<Event> =
                records.map(|record| Event::from_json(record["body"].as_str().unwrap()).unwrap()).collect();
            let expected: Vec<Event> = (number * 10..number * 10 + 10)
                .map(|number| Event { received_at: at, ..event(number).unwrap() })
                .collect();
            assert_eq!(events, expected);
            let spaces: std::collections::BTreeSet<_> = events.iter().map(Event::stream).collect();
            assert_eq!(spaces.len(), 10);
        }
    }
}
