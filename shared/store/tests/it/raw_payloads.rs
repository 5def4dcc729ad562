//! Messages as they came.

use crate::table::with_table;
use crate::things::{acme, at, sensor_id};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use spacehook_domain::ids::ProfileName;
use spacehook_domain::ids::TenantId;
use spacehook_domain::privacy::RAW_PAYLOAD_BYTES;
use spacehook_store::{PageRequest, RawPayload, RawPayloadFilter};

fn raw(seconds: i64, sensor: &str, profile: &str) -> RawPayload {
    RawPayload {
        received_at: at(seconds),
        topic: format!("telemetry/acme/{profile}/{sensor}"),
        profile: ProfileName::parse(profile).unwrap(),
        sensor_id: sensor_id(sensor),
        bytes: 2,
        payload_base64: Some("e30=".to_owned()),
        readings: 0,
        causes: vec!["no".to_owned()],
    }
}

#[tokio::test]
async fn the_newest_thousand_are_kept_and_listed_for_seven_days() {
    with_table(async |table| {
        let store = &table.store;
        let all = RawPayloadFilter::default();
        let listed = async |filter: &RawPayloadFilter, seconds| {
            let page = store.list_raw_payloads(&acme(), filter, at(seconds), &PageRequest::first(100)).await.unwrap();
            page.items
        };
        let [first, second, third] = [raw(1, "a", "native"), raw(2, "b", "native"), raw(3, "a", "milesight")];
        let (kept, requests) = table.requests(store.keep_raw_payload(&acme(), &first)).await;
        kept.unwrap();
        assert_eq!(requests, "PutItem 1, UpdateItem 1");
        store.keep_raw_payload(&acme(), &second).await.unwrap();
        let counter =
            [("pk", "P#acme"), ("sk", "COUNTER")].map(|(name, value)| (name, AttributeValue::S(value.to_owned())));
        let next = ("next", AttributeValue::N("1000".to_owned()));
        table.put_raw(counter.into_iter().chain([next])).await;
        let (kept, requests) = table.requests(store.keep_raw_payload(&acme(), &third)).await;
        kept.unwrap();
        assert_eq!(requests, "DeleteItem 1, PutItem 1, UpdateItem 1");

        assert_eq!(listed(&all, 10).await, [third.clone(), second.clone()], "the first gave way");
        let of_b = RawPayloadFilter { sensor_id: Some(sensor_id("b")), ..all.clone() };
        assert_eq!(listed(&of_b, 10).await, std::slice::from_ref(&second));
        let milesight = RawPayloadFilter { profile: Some(ProfileName::parse("milesight").unwrap()), ..all.clone() };
        assert_eq!(listed(&milesight, 10).await, std::slice::from_ref(&third));
        let week = SignedDuration::from_hours(7 * 24).as_secs();
        assert_eq!(listed(&all, 2 + week).await, [third], "be it still there");

        let other = TenantId::parse("other").unwrap();
        store.delete_raw_payloads(&other).await.unwrap();
        assert_eq!(listed(&all, 10).await.len(), 2);
        store.delete_raw_payloads(&acme()).await.unwrap();
        assert!(listed(&all, 10).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_page_of_the_largest_is_an_answer_that_may_be_given() {
    with_table(async |table| {
        let large = RawPayload { payload_base64: Some("A".repeat(RAW_PAYLOAD_BYTES / 3 * 4)), ..raw(1, "a", "native") };
        for _ in 0..45 {
            table.store.keep_raw_payload(&acme(), &large).await.unwrap();
        }
        let (mut request, mut sizes) = (PageRequest::first(100), Vec::new());
        loop {
            let page =
                table.store.list_raw_payloads(&acme(), &RawPayloadFilter::default(), at(2), &request).await.unwrap();
            sizes.push(page.items.len());
            let Some(next) = page.next else { break };
            request = PageRequest { limit: 100, cursor: Some(next) };
        }
        assert_eq!(sizes.iter().sum::<usize>(), 45, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= 40), "{sizes:?}");
    })
    .await;
}
