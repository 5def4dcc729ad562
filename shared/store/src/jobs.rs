//! Jobs: see [`spacehook_domain::job`] for what they are.
//!
//! A job is changed only as it was read. How many of a subscription are not finished is a set beside them, changed in the
//! same transactions, so that the limit holds however many are asked for at once.

use crate::backlog::{dead_deletions, writes};
use crate::error::{ListError, StoreError};
use crate::item::{EXPIRES_AT, attribute_text, number};
use crate::keys::{self, Key};
use crate::page::{Page, PageRequest};
use crate::request::{Order, Written};
use crate::states::Saved;
use crate::transaction::Transacted;
use crate::write::{If, Write};
use crate::{Store, document, due};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spacehook_domain::backlog::{Change, Dead};
use spacehook_domain::ids::{JobId, SubscriptionKey};
use spacehook_domain::job::{Job, JobKey, LISTED_S, UNFINISHED_MOST};

const VERSION: &str = "version";
/// The ids of those that are not finished.
const UNFINISHED: &str = "unfinished";

/// What came of making a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum JobMade {
    /// It is there.
    Yes,
    /// The subscription has as many that are not finished as it may have: [`UNFINISHED_MOST`].
    TooMany,
}

/// What came of a part of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Advanced {
    /// It is done, and noted.
    Yes,
    /// The backlog or a lane is not as it was read: nothing took place. Read again, and try again.
    Conflict,
    /// A dead delivery is not there any more: nothing took place. Read again.
    Gone,
    /// The job is not as it was read: another step was made, or it was cancelled. Nothing took place.
    Overtaken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Job,
    Unfinished,
    Backlog,
    Dead,
}

impl Store {
    /// Keeps a new job. Costs 1 `TransactWriteItems` of 2 items.
    pub async fn create_job(&self, job: &Job) -> Result<JobMade, StoreError> {
        let key = keys::job(&job.key);
        let ids = vec![job.key.id.as_str().to_owned()];
        let unfinished = Write::update(keys::unfinished_jobs(&job.key.subscription))
            .add(UNFINISHED, AttributeValue::Ss(ids))
            .only_if(If::Room(UNFINISHED.into(), UNFINISHED_MOST - 1));
        let writes = vec![(Part::Job, put(job)?.only_if(If::Absent)), (Part::Unfinished, unfinished)];
        Ok(match self.transact("create a job", &key, writes).await? {
            Transacted::Refused(parts) if parts == [Part::Unfinished] => JobMade::TooMany,
            // Its id is new: what is there is this very one, whose answer was lost.
            Transacted::Done | Transacted::Refused(_) => JobMade::Yes,
        })
    }

    /// A job. Costs 1 `GetItem`.
    pub async fn job(&self, key: &JobKey) -> Result<Option<Job>, StoreError> {
        self.get("read a job", &keys::job(key)).await?.as_ref().map(document::read).transpose()
    }

    /// The jobs of a subscription, the newest first. Costs 1 Query a page.
    pub async fn list_jobs(&self, of: &SubscriptionKey, request: PageRequest) -> Result<Page<Job>, ListError> {
        let pk = keys::job_partition(of);
        let read = |item| document::read(&item);
        self.page_of("list jobs", (&pk, keys::JOB_PREFIX), &request, Order::Backward, read).await
    }

    /// Puts a job in the place of the one that was read. Costs 1 `PutItem` (3 write units with its index); where it ends, 1
    /// `TransactWriteItems` of 2 items.
    pub async fn save_job(&self, read: &Job, new: &Job) -> Result<Saved, StoreError> {
        const OPERATION: &str = "change a job";
        let write = put(new)?.only_if(as_read(read));
        if !new.state.is_finished() {
            return Ok(match self.write(OPERATION, write).await? {
                Written::Done => Saved::Yes,
                Written::Refused => Saved::Conflict,
            });
        }
        let ids = vec![new.key.id.as_str().to_owned()];
        let unfinished = Write::update(keys::unfinished_jobs(&new.key.subscription));
        let unfinished = unfinished.delete_from(UNFINISHED, AttributeValue::Ss(ids));
        let writes = vec![(Part::Job, write), (Part::Unfinished, unfinished)];
        Ok(match self.transact(OPERATION, &keys::job(&new.key), writes).await? {
            Transacted::Done => Saved::Yes,
            Transacted::Refused(_) => Saved::Conflict,
        })
    }

    /// Does a part of a job, and notes it: the change of the backlog, the dead deliveries that wait again, and the job as it
    /// is then; or nothing.
    ///
    /// Costs 1 `TransactWriteItems`, as [`Store::change_backlog`] does, with 1 item more for the job and for each dead.
    pub async fn advance_job(
        &self,
        read: &Job,
        new: &Job,
        change: &Change,
        dead: &[Dead],
        now: Timestamp,
    ) -> Result<Advanced, StoreError> {
        let mut parts = vec![(Part::Job, put(new)?.only_if(as_read(read)))];
        parts.extend(writes(change, now)?.into_iter().map(|write| (Part::Backlog, write)));
        parts.extend(dead_deletions(&change.subscription, dead).map(|write| (Part::Dead, write)));
        Ok(match self.transact_bounded("advance a job", parts).await? {
            Transacted::Done => Advanced::Yes,
            Transacted::Refused(parts) if parts.contains(&Part::Job) => Advanced::Overtaken,
            Transacted::Refused(parts) if parts.contains(&Part::Dead) => Advanced::Gone,
            Transacted::Refused(_) => Advanced::Conflict,
        })
    }

    /// Jobs whose step should have come by now, and did not; as [`Store::due_states`].
    pub async fn overdue_jobs(&self, now: Timestamp, most: u16) -> Result<Vec<JobKey>, StoreError> {
        let found = self.due_items("find jobs that are overdue", keys::due_jobs, now, most).await?;
        let read = |item: &crate::item::Item| {
            let subscription = keys::read_job_partition(&attribute_text(item, "pk"))?;
            let sk = attribute_text(item, "sk");
            let id = JobId::from_digits(sk.strip_prefix(keys::JOB_PREFIX)?).ok()?;
            Some(JobKey { subscription, id })
        };
        Ok(found.iter().filter_map(read).collect())
    }
}

fn put(job: &Job) -> Result<Write, StoreError> {
    let key: Key = keys::job(&job.key);
    let due = due::attributes(keys::due_jobs(keys::due_shard(&key)), job.overdue_at());
    let changed_at = job.ended_at.into_iter().chain(job.wake_at).max().unwrap_or(job.created_at);
    let expires_at = (EXPIRES_AT, number(changed_at.as_second().saturating_add(LISTED_S)));
    document::put(key, job, [(VERSION, number(job.version)), expires_at].into_iter().chain(due))
}

fn as_read(job: &Job) -> If {
    If::Is(VERSION.into(), number(job.version))
}
