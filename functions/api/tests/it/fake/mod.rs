//! Records and secrets in memory.

mod backlogs;
mod contacts;
mod event_types;
mod jobs;
mod kept_events;
mod keys;
mod news;
mod profiles;
mod registry;
mod requests;
mod secrets;
mod subscriptions;
mod tenants;

use secrecy::SecretString;
use spacehook_api::ports::Failed;
use spacehook_domain::api_key::{ApiKey, KeyId};
use spacehook_domain::attempt::Logged;
use spacehook_domain::backlog::{Backlog, Dead, Kept, KeptKey, Lane};
use spacehook_domain::event::{CustomType, Event};
use spacehook_domain::idempotency::Remembered;
use spacehook_domain::ids::{
    BuildingRefId, EventId, FloorRefId, ProfileName, SensorGroupRefId, SensorId, SubscriptionId, SubscriptionKey,
    TenantId,
};
use spacehook_domain::job::{Job, JobKey, JobStep};
use spacehook_domain::notice::Notice;
use spacehook_domain::observed::ObservedId;
use spacehook_domain::own_type::{OwnType, OwnTypeVersion};
use spacehook_domain::place::{Building, Floor, Sensor, SensorGroup, Space, SpaceKey};
use spacehook_domain::profile::{OwnProfile, OwnProfileVersion};
use spacehook_domain::request_rate::Minute;
use spacehook_domain::space_state::SpaceState;
use spacehook_domain::stats::Bucket;
use spacehook_domain::stream::Stream;
use spacehook_domain::subscription::Subscription;
use spacehook_domain::tenant::Tenant;
use spacehook_domain::wake::Wake;
use spacehook_store::{Contacts, Cursor, Page, PageRequest, RawPayload, RequestPlace, UnassignedSensor};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const ADMIN_KEY: &str = "Abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKL";

/// What is done before any handler, and so says nothing of one.
const OF_EVERY_REQUEST: [&str; 2] = ["tenant.get", "request.count"];

/// What is in memory.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) subscriptions: BTreeMap<(TenantId, SubscriptionId), Subscription>,
    /// Those that were told to be failing.
    pub(crate) failing_subscriptions: BTreeSet<SubscriptionId>,
    /// The newest first.
    pub(crate) attempts: Vec<Logged>,
    /// Former revisions.
    pub(crate) revisions: BTreeMap<(SubscriptionKey, u64), Subscription>,
    pub(crate) events: BTreeMap<(TenantId, EventId), Event>,
    pub(crate) jobs: BTreeMap<JobKey, Job>,
    /// Steps that were asked for.
    pub(crate) steps: Vec<JobStep>,
    /// A step changes jobs so often just before a change of ours.
    pub(crate) stepping: usize,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) backlogs: BTreeMap<SubscriptionKey, Backlog>,
    pub(crate) lanes: BTreeMap<(SubscriptionKey, Stream), Lane>,
    pub(crate) kept: BTreeMap<(SubscriptionKey, KeptKey), Kept>,
    /// In the order in which they died.
    pub(crate) dead: Vec<(SubscriptionKey, Dead)>,
    /// Timers that were set.
    pub(crate) woken: Vec<(Wake, Duration)>,
    /// Somebody else changes a lane so often just before a change of ours.
    pub(crate) rivals: usize,
    /// Kept with changes, and those that were told.
    pub(crate) notices: Vec<Notice>,
    pub(crate) told: Vec<Notice>,
    pub(crate) contacts: BTreeMap<TenantId, Contacts>,
    /// Somebody else stores these just before a change of ours: the last first.
    pub(crate) faster_contacts: Vec<Contacts>,
    pub(crate) event_types: BTreeMap<(TenantId, CustomType), OwnType>,
    pub(crate) versions: BTreeMap<(TenantId, CustomType, u32), OwnTypeVersion>,
    /// Each with its versions, the newest first.
    pub(crate) profiles: BTreeMap<(TenantId, ProfileName), (OwnProfile, Vec<OwnProfileVersion>)>,
    /// In the order in which they were queued.
    pub(crate) published: Vec<Event>,
    pub(crate) buildings: BTreeMap<(TenantId, BuildingRefId), Building>,
    pub(crate) floors: BTreeMap<(TenantId, BuildingRefId, FloorRefId), Floor>,
    pub(crate) spaces: BTreeMap<(TenantId, SpaceKey), Space>,
    pub(crate) sensors: BTreeMap<(TenantId, SensorId), Sensor>,
    pub(crate) unassigned: Vec<UnassignedSensor>,
    pub(crate) sensor_groups: BTreeMap<(TenantId, SensorGroupRefId), SensorGroup>,
    pub(crate) states: BTreeMap<ObservedId, SpaceState>,
    /// The newest first.
    pub(crate) raw_payloads: Vec<(TenantId, RawPayload)>,
    pub(crate) keys: BTreeMap<KeyId, ApiKey>,
    pub(crate) key_reads: usize,
    pub(crate) tenants: BTreeMap<TenantId, Tenant>,
    /// Somebody else changes a tenant so often just before a change of ours.
    pub(crate) rival_operators: usize,
    /// Requests that may come twice: by tenant, key and their own key.
    pub(crate) requests: HashMap<RequestPlace, Remembered>,
    /// How many requests a key made in a minute.
    pub(crate) made: BTreeMap<(String, Minute), u64>,
    /// Secrets by name: versions, and which is current.
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// Whatever was done, in order: `secret.create`, `subscription.update`, …
    pub(crate) done: Vec<&'static str>,
    /// Operations that fail, and whether they are carried out all the same.
    pub(crate) failing: BTreeMap<&'static str, bool>,
    next_space_id: u64,
}

/// A secret: texts by version.
#[derive(Default, Clone)]
pub(crate) struct Secret {
    pub(crate) versions: BTreeMap<String, spacehook_domain::credentials::Credentials>,
    pub(crate) current: String,
}

/// Records and secrets in memory.
#[derive(Clone, Default)]
pub(crate) struct Fake(pub(crate) Arc<Mutex<Contents>>);

impl Fake {
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Contents) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Does something, unless it was told to fail before or after doing it.
    fn perform<T>(&self, name: &'static str, act: impl FnOnce(&mut Contents) -> T) -> Result<T, Failed> {
        self.with(|contents| {
            if !OF_EVERY_REQUEST.contains(&name) {
                contents.done.push(name);
            }
            match contents.failing.get(name).copied() {
                Some(false) => Err(Failed::Busy(format!("{name} was told to fail"))),
                Some(true) => {
                    act(contents);
                    Err(Failed::Busy(format!("the answer to {name} was lost")))
                }
                None => Ok(act(contents)),
            }
        })
    }
}

fn admin_key() -> SecretString {
    ADMIN_KEY.into()
}

/// A page of a list whose cursors are the places in it.
fn page<T: Clone>(items: &[T], request: &PageRequest) -> Option<Page<T>> {
    let from: usize = match &request.cursor {
        None => 0,
        Some(cursor) => cursor.as_str().strip_prefix("at-")?.parse().ok()?,
    };
    let end = (from + request.limit as usize).min(items.len());
    let next = (end < items.len()).then(|| Cursor::from_text(format!("at-{end}")));
    Some(Page { items: items[from.min(end)..end].to_vec(), next })
}
