//! The trace of an event, where SQS and X-Ray look for it.

use crate::{QueueError, unavailable};
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use spacehook_domain::event::Event;
use std::collections::HashMap;

/// The system attributes of a message, as SQS takes them.
pub(crate) type Attributes = Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>>;

/// `AWSTraceHeader`, so that X-Ray shows what is done with a message as part of the trace that it came of. It counts
/// neither as a part of the message nor for its price.
pub(crate) fn attributes(event: &Event) -> Result<Attributes, QueueError> {
    let Some(trace) = &event.trace else { return Ok(None) };
    let value = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value(trace.to_xray_header())
        .build()
        .map_err(unavailable)?;
    Ok(Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use spacehook_domain::trace::TraceId;

    fn event(trace: Option<TraceId>) -> Event {
        let document = serde_json::json!({
            "v": 1, "id": format!("evt_{}", "0".repeat(32)), "tenant": "acme", "type": "space_report", "sequence": 1,
            "space": {"space_id": 7, "building_ref_id": "HQ", "floor_ref_id": null, "space_ref_id": "room"},
            "occurred_at": "2026-02-02T14:20:00Z", "received_at": "2026-02-02T14:20:00Z",
            "change": {"occupancy_changed": true, "first_of_hour": false}, "data": {},
        });
        Event { trace, ..serde_json::from_value(document).unwrap() }
    }

    #[test]
    fn a_message_has_the_trace_of_its_event() {
        let trace = TraceId::parse("5759e988bd862e3fe1be46a994272793").unwrap();
        let attributes = attributes(&event(Some(trace))).unwrap().unwrap();
        let header = &attributes[&MessageSystemAttributeNameForSends::AwsTraceHeader];
        assert_eq!(header.data_type(), "String");
        assert_eq!(header.string_value(), Some("Root=1-5759e988-bd862e3fe1be46a994272793"));
        assert_eq!(super::attributes(&event(None)).unwrap(), None);
    }
}
