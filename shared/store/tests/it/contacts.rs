//! The contacts of a tenant.

use crate::table::with_table;
use crate::things::acme;
use spacehook_domain::ids::TenantId;
use spacehook_domain::subscription::EmailAddress;
use spacehook_store::{Contacts, Saved};

fn contacts(addresses: &[&str], revision: u64) -> Contacts {
    let addresses = addresses.iter().map(|address| EmailAddress::parse(*address).unwrap()).collect();
    Contacts { addresses, revision }
}

#[tokio::test]
async fn contacts_are_replaced_by_who_read_them_last() {
    with_table(async |table| {
        let store = &table.store;
        let (none, requests) = table.requests(store.contacts(&acme())).await;
        assert_eq!((none.unwrap(), requests.as_str()), (Contacts::default(), "GetItem 1"));

        let first = contacts(&["ops@example.com", "owner@example.com"], 1);
        let (saved, requests) = table.requests(store.put_contacts(&acme(), &first)).await;
        assert_eq!((saved.unwrap(), requests.as_str()), (Saved::Yes, "PutItem 1"));
        assert_eq!(store.contacts(&acme()).await.unwrap(), first);

        for late in [contacts(&["late@example.com"], 1), contacts(&["early@example.com"], 3)] {
            assert_eq!(store.put_contacts(&acme(), &late).await.unwrap(), Saved::Conflict, "{late:?}");
        }
        assert_eq!(store.contacts(&acme()).await.unwrap(), first);

        let emptied = contacts(&[], 2);
        assert_eq!(store.put_contacts(&acme(), &emptied).await.unwrap(), Saved::Yes);
        assert_eq!(store.contacts(&acme()).await.unwrap(), emptied);
        let other = TenantId::parse("other").unwrap();
        assert_eq!(store.contacts(&other).await.unwrap(), Contacts::default(), "each tenant has its own");
    })
    .await;
}
