//! What `DynamoDB` puts off, and what is lost on the way.

use crate::table::{Fault, with_table};
use crate::things::{acme, building, sensor_id, space_id, subscription};
use spacehook_domain::event::EventType::SpaceReport;
use spacehook_domain::space_state::SpaceState;
use spacehook_store::{ChangeError, PageRequest, Saved};

const CONFLICT: &str = concat!(
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","#,
    r#""CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"busy"}]}"#
);
const MEETS_A_TRANSACTION: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"busy"}"#;
const THROTTLED: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#;

#[tokio::test]
async fn a_transaction_in_conflict_is_repeated() {
    with_table(async |table| {
        for _ in 0..3 {
            table.fault("TransactWriteItems", Fault::Answer(400, CONFLICT));
        }
        let one = subscription(1, "a", &[SpaceReport]);
        let (created, requests) = table.requests(table.store.create_subscription(&one)).await;
        created.unwrap();
        assert_eq!(requests, "TransactWriteItems 4");
        assert_eq!(table.store.tenant_overview(&acme()).await.unwrap().version, 1);
    })
    .await;
}

#[tokio::test]
async fn repeats_end() {
    with_table(async |table| {
        for _ in 0..20 {
            table.fault("TransactWriteItems", Fault::Answer(400, CONFLICT));
        }
        let (created, requests) =
            table.requests(table.store.create_subscription(&subscription(1, "a", &[SpaceReport]))).await;
        assert_eq!(requests, "TransactWriteItems 9");
        let Err(ChangeError::Store(error)) = created else { panic!("{created:?}") };
        assert!(error.is_throttled());
        assert_eq!(
            error.to_string(),
            "create a subscription: gave up after 9 tries: throttled, or in conflict with other writers"
        );
    })
    .await;
}

#[tokio::test]
async fn a_write_that_meets_a_transaction_is_repeated() {
    with_table(async |table| {
        table.fault("PutItem", Fault::Answer(400, MEETS_A_TRANSACTION));
        let saved = table.store.save_state(&acme(), space_id(1), 0, &SpaceState::default(), &[], None).await;
        assert_eq!(saved.unwrap(), Saved::Yes);
        table.fault("UpdateItem", Fault::Answer(400, MEETS_A_TRANSACTION));
        table.store.record_unassigned(&acme(), &sensor_id("s1"), 2, crate::things::at(0)).await.unwrap();
        let heard = table.store.list_unassigned(&acme(), PageRequest::first(5)).await.unwrap().items;
        assert_eq!(heard[0].readings, 2);
    })
    .await;
}

#[tokio::test]
async fn throttled_reads_say_so() {
    with_table(async |table| {
        for _ in 0..3 {
            table.fault("GetItem", Fault::Answer(400, THROTTLED));
        }
        let error = table.store.tenant_overview(&acme()).await.unwrap_err();
        assert!(error.is_throttled());
        assert_eq!(error.to_string(), "read a tenant: ProvisionedThroughputExceededException: slow down");
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_does_not_do_a_change_twice() {
    with_table(async |table| {
        table.fault("TransactWriteItems", Fault::Lost);
        let one = subscription(1, "a", &[SpaceReport]);
        let (created, requests) = table.requests(table.store.create_subscription(&one)).await;
        created.unwrap();
        assert_eq!(requests, "TransactWriteItems 2");
        assert_eq!(table.store.tenant_overview(&acme()).await.unwrap().version, 1);
        assert_eq!(table.raw_number("T#acme", "TENANT", "n_space_report").await, Some(1));

        table.fault("TransactWriteItems", Fault::Lost);
        table.store.put_building(&acme(), &building("HQ")).await.unwrap();
        assert_eq!(table.store.tenant_overview(&acme()).await.unwrap().registry_version, 1);
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_of_a_save_is_a_conflict_that_reading_resolves() {
    with_table(async |table| {
        table.fault("PutItem", Fault::Lost);
        let mut state = SpaceState::default();
        state.sequence = state.sequence.next();
        let saved = table.store.save_state(&acme(), space_id(1), 0, &state, &[], None).await.unwrap();
        assert_eq!(saved, Saved::Conflict);
        let stored = table.store.stored_state(&acme(), space_id(1)).await.unwrap();
        assert_eq!((stored.version, stored.state), (1, state));
    })
    .await;
}
