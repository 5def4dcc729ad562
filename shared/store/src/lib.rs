//! The one `DynamoDB` table: items, keys, conditional writes.
//!
//! Every method of [`Store`] says what it costs: requests, and read and write units where they are not one each. Reads
//! are strongly consistent. Nothing here reads a clock or rolls dice: times and ids are arguments.
//!
//! | item | partition key | sort key |
//! |---|---|---|
//! | tenant: versions and counters | `T#<tenant>` | `TENANT` |
//! | contacts of a tenant | `T#<tenant>` | `CONTACTS` |
//! | subscription | `T#<tenant>` | `SUB#<id>` |
//! | claim of a subscription's name | `T#<tenant>` | `SUBNAME#<lower-case name>` |
//! | match entry: the subscription, for the dispatcher | `M#<tenant>#<event type>` | `<id>` |
//! | building, floor, space, sensor | `T#<tenant>` | `BLD#<b>`, `FLR#<b>#<f>`, `SPC#<b>#<s>`, `SEN#<sensor>` |
//! | named group of sensors | `T#<tenant>` | `GRP#<group>` |
//! | sensor without a space | `T#<tenant>` | `UNA#<sensor>` |
//! | state of a space, of a named group of sensors | `S#<tenant>#<space id>`, `S#<tenant>#g<group id>` | `STATE` |
//! | counts of a quarter of an hour | `D#<tenant>#<subscription>` | `STAT#<start>#<enabled since>` |
//! | attempt | `D#<tenant>#<subscription>` | `ATT#<UUID version 7 of its start>` |
//! | former revision of a subscription | `D#<tenant>#<subscription>` | `REV#<revision>` |
//! | backlog of a subscription | `B#<tenant>#<subscription>` | `BACKLOG` |
//! | lane: what waits of a stream | `B#<tenant>#<subscription>` | `LANE#<stream, 16 hex digits>` |
//! | delivery that waits | `B#<tenant>#<subscription>` | `KEPT#<stream>#<sequence, 16 hex digits>#<event type>` |
//! | dead delivery | `B#<tenant>#<subscription>` | `DEAD#<died at, ms in 15 digits>#<event id>` |
//! | permits of a second | `B#<tenant>#<subscription>` | `RATE#<second>` |
//! | notice of a change that is to be told | `NOTICE#<0 to 7>` | `<tenant>#<subscription>#<at, ms in 15 digits>#<what>` |
//! | marker of a failing subscription | `FAILING#<0 to 7>` | `<tenant>#<subscription>` |
//! | event type of a tenant's own, and a version of it | `T#<tenant>` | `TYPE#<name>`, `TYPEV#<name>#<version, 3 digits>` |
//! | kept events, a pack of them | `E#<tenant>#<hour>` | `<first received at, ms in 15 digits>#<uuid>` |
//! | job, and those that are not finished | `J#<tenant>#<subscription>` | `JOB#<UUID version 7>`, `UNFINISHED` |
//! | key of the API, and its entry in a list | `K#<key id>`, `T#<tenant>` | `KEY`, `KEY#<key id>` |
//! | record of a tenant, for the operator | `TENANTS` | `TEN#<tenant>` |
//! | message as it came, and how many there were | `P#<tenant>` | `RAW#<number, 15 digits>`, `COUNTER` |
//! | request that may come twice | `I#<tenant>#<key id>` | `<SHA-256 of its idempotency key>` |
//! | requests of a key in a minute | `R#<tenant>#<key id>` | `<minute since 1970>` |
//!
//! States of spaces and groups, backlogs and jobs that are to be looked at have `due` (`SPACE#<0 to 7>`, `BACKLOG#<0 to 7>`,
//! `JOB#<0 to 7>`) and `due_at` (milliseconds since 1970), the keys of the one index, `due`, which holds keys alone.
//!
//! What expires has `expires_at` (seconds since 1970), the table's TTL attribute. `DynamoDB` deletes within two days of
//! it, so what has expired may still be listed for a while.

mod activity;
mod api_keys;
mod attempts;
mod backlog;
mod backoff;
mod batch;
mod contacts;
mod counts;
mod document;
mod due;
mod error;
mod event_types;
mod failing;
mod filtered;
mod idempotency;
mod item;
mod jobs;
mod kept_events;
mod keys;
mod notices;
mod page;
mod placements;
mod profiles;
mod raw_payloads;
mod registry;
mod request;
mod request_rates;
mod search;
mod states;
mod subscriptions;
mod tenancy;
mod tenants;
mod transaction;
mod unassigned;
mod write;

pub use api_keys::KeyCreated;
pub use attempts::{AttemptFilter, RecordedAttempt, RecordedDrop};
pub use backlog::{Replayed, Standing};
pub use contacts::Contacts;
pub use error::{ListError, StoreError};
pub use event_types::Registered;
pub use failing::Failing;
pub use idempotency::{ANSWER_BYTES_LIMIT, Claimed, RequestPlace};
pub use item::ITEM_BYTES_LIMIT;
pub use jobs::{Advanced, JobMade};
pub use notices::StoredNotice;
pub use page::{Cursor, PAGE_LIMIT, Page, PageRequest};
pub use placements::Placement;
pub use profiles::ProfileCreated;
pub use raw_payloads::{RawPayload, RawPayloadFilter};
pub use registry::{
    DeleteError, GROUPS_OF_SENSOR_LIMIT, Put, PutFloorError, PutSensorError, PutSensorGroupError, PutSpaceError,
    PutSpaceWithSensorsError, SENSORS_LIMIT, SENSORS_OF_GROUP_LIMIT, SensorGroupDraft, SpaceDraft, SpaceWithSensors,
};
pub use states::{Saved, StoredState};
pub use subscriptions::ChangeError;
pub use tenancy::TenantUsage;
pub use tenants::TenantOverview;
pub use unassigned::UnassignedSensor;

use failing::Marks;
use std::sync::Arc;

/// The table. Clones share the client and its connections.
#[derive(Debug, Clone)]
pub struct Store {
    client: aws_sdk_dynamodb::Client,
    table: Arc<str>,
    marks: Marks,
}
