//! Rate limits that many dispatchers share.

use crate::table::{Fault, with_table};
use crate::things::{at, subscription_key};
use futures::future::join_all;
use spacehook_domain::subscription::RateLimit;

#[tokio::test]
async fn all_takers_of_a_second_together_get_the_limit_and_no_more() {
    with_table(async |table| {
        let (of, other) = (subscription_key(1), subscription_key(2));
        let limit = RateLimit::new(50).unwrap();
        let second = at(0).as_second();
        let processes: Vec<_> = (0..40).map(|_| table.other_process()).collect();
        let taken = join_all(processes.iter().map(|store| store.permits(&of, limit, second, 3))).await;
        let taken: Vec<u32> = taken.into_iter().map(Result::unwrap).collect();
        assert_eq!(taken.iter().sum::<u32>(), 50, "{taken:?}");
        assert!(taken.iter().all(|taken| *taken <= 3));

        let store = &table.store;
        let (none, requests) = table.requests(store.permits(&of, limit, second, 1)).await;
        assert_eq!((none.unwrap(), requests.as_str()), (0, "UpdateItem 1"));
        assert_eq!(store.permits(&of, limit, second + 1, 60).await.unwrap(), 50, "another second");
        assert_eq!(store.permits(&other, limit, second, 7).await.unwrap(), 7, "another subscription");
        let (none, requests) = table.requests(store.permits(&of, limit, second + 2, 0)).await;
        assert_eq!((none.unwrap(), requests.as_str()), (0, ""));
        let pk = format!("B#acme#{}", of.id);
        let expires_at = table.raw_number(&pk, &format!("RATE#{second}"), "expires_at").await;
        assert_eq!(expires_at, Some(second + 3_600));
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_takes_twice_and_grants_once() {
    with_table(async |table| {
        let limit = RateLimit::new(10).unwrap();
        let of = subscription_key(1);
        table.fault("UpdateItem", Fault::Lost);
        let mut granted = table.store.permits(&of, limit, 5, 4).await.unwrap();
        assert_eq!(granted, 4);
        granted += table.store.permits(&of, limit, 5, 4).await.unwrap();
        assert_eq!(granted, 6, "the four of the lost answer are nobody's");
    })
    .await;
}
