//! Requests of a key, counted by the minute.

use crate::table::with_table;
use crate::things::acme;
use spacehook_domain::request_rate::Minute;

#[tokio::test]
async fn each_minute_of_each_key_is_counted_by_itself() {
    with_table(async |table| {
        let store = &table.store;
        for expected in 1..=3 {
            let (made, requests) = table.requests(store.count_request(&acme(), "k", Minute(7))).await;
            assert_eq!((made.unwrap(), requests.as_str()), (expected, "UpdateItem 1"));
        }
        assert_eq!(store.count_request(&acme(), "k", Minute(8)).await.unwrap(), 1);
        assert_eq!(store.count_request(&acme(), "first-admin", Minute(7)).await.unwrap(), 1);
        assert_eq!(table.raw_number("R#acme#k", "7", "expires_at").await, Some(8 * 60 + 3_600));
    })
    .await;
}
