//! Requests that may come twice.

use crate::table::{Fault, with_table};
use crate::things::{acme, at};
use spacehook_domain::idempotency::{Claim, Ended, Fingerprint, IdempotencyKey, Verdict};
use spacehook_store::{ANSWER_BYTES_LIMIT, Claimed, RequestPlace};
use uuid::Uuid;

pub(crate) fn place(key: &str) -> RequestPlace {
    RequestPlace { tenant: acme(), key_id: "first-admin".to_owned(), key: IdempotencyKey::parse(key).unwrap() }
}

pub(crate) fn claim(id: u128, body: &str, second: i64) -> Claim {
    let fingerprint = Fingerprint::of("POST", "/v1/x", "", body.as_bytes());
    Claim { id: Uuid::from_u128(id), fingerprint, at: at(second) }
}

#[tokio::test]
async fn of_many_at_once_one_does_it_and_repeats_get_its_answer() {
    with_table(async |table| {
        let (store, place) = (&table.store, place("k"));
        let first = claim(1, "{}", 0);
        let (claimed, requests) = table.requests(store.claim_request(&place, &first)).await;
        assert_eq!((claimed.unwrap(), requests.as_str()), (Claimed::Yes { first_at: at(0) }, "UpdateItem 1"));
        let under_way = store.claim_request(&place, &claim(2, "{}", 59)).await.unwrap();
        assert_eq!(under_way, Claimed::No(Verdict::UnderWay));
        let another = store.claim_request(&place, &claim(2, "[]", 1)).await.unwrap();
        assert_eq!(another, Claimed::No(Verdict::IsAnother));

        let answer = vec![7; ANSWER_BYTES_LIMIT];
        let (ended, requests) =
            table.requests(store.end_request(&place, &first, &Ended::Answered(answer.clone()))).await;
        ended.unwrap();
        assert_eq!(requests, "UpdateItem 1");
        let (repeat, requests) = table.requests(store.claim_request(&place, &claim(3, "{}", 60))).await;
        assert_eq!(repeat.unwrap(), Claimed::No(Verdict::Answer(answer)));
        assert_eq!(requests, "GetItem 1, UpdateItem 1");
        let day = 24 * 3_600;
        let anew = store.claim_request(&place, &claim(4, "[]", day)).await.unwrap();
        assert_eq!(anew, Claimed::Yes { first_at: at(day) }, "what was remembered is too old");
        let last = claim(4, "[]", day);
        store.end_request(&place, &last, &Ended::AnsweredTooLarge).await.unwrap();
        let repeat = store.claim_request(&place, &claim(5, "[]", day)).await.unwrap();
        assert_eq!(repeat, Claimed::No(Verdict::AnswerNotKept));
    })
    .await;
}

#[tokio::test]
async fn what_died_or_failed_is_done_again_and_keeps_its_first_time() {
    with_table(async |table| {
        let (store, place) = (&table.store, place("k"));
        store.claim_request(&place, &claim(1, "{}", 0)).await.unwrap();
        let again = store.claim_request(&place, &claim(2, "{}", 60)).await.unwrap();
        assert_eq!(again, Claimed::Yes { first_at: at(0) }, "whoever did it is dead");
        let late = Ended::Answered(vec![1]);
        store.end_request(&place, &claim(1, "{}", 0), &late).await.unwrap();
        let under_way = store.claim_request(&place, &claim(3, "{}", 61)).await.unwrap();
        assert_eq!(under_way, Claimed::No(Verdict::UnderWay), "it was not dead, but its claim is gone");
        store.end_request(&place, &claim(2, "{}", 60), &Ended::Unanswered).await.unwrap();
        let again = store.claim_request(&place, &claim(4, "{}", 62)).await.unwrap();
        assert_eq!(again, Claimed::Yes { first_at: at(0) });
    })
    .await;
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_still_ones_own() {
    with_table(async |table| {
        table.fault("UpdateItem", Fault::Lost);
        let claimed = table.store.claim_request(&place("k"), &claim(1, "{}", 0)).await.unwrap();
        assert_eq!(claimed, Claimed::Yes { first_at: at(0) });
    })
    .await;
}
