//! What waits, in the table, and the queue of timers.

use crate::ports::{BacklogRecords, Failed, ListFailed, Timers};
use async_trait::async_trait;
use jiff::Timestamp;
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, Lane};
use spacehook_domain::ids::{EventId, SubscriptionKey};
use spacehook_domain::job::JobStep;
use spacehook_domain::stream::Stream;
use spacehook_domain::wake::Wake;
use spacehook_queues::{QueueError, WakeQueue};
use spacehook_store::{Page, PageRequest, Replayed, Saved, Store};
use std::error::Error as _;
use std::slice;
use std::time::Duration;

#[async_trait]
impl BacklogRecords for Store {
    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Failed> {
        Ok(self.backlog(key).await?)
    }

    async fn lanes(&self, key: &SubscriptionKey) -> Result<Vec<Lane>, Failed> {
        Ok(self.lanes(key).await?)
    }

    async fn lane(&self, key: &SubscriptionKey, stream: Stream) -> Result<Option<Lane>, Failed> {
        let standings = self.standings(&[(key.clone(), [stream].into())]).await?;
        Ok(standings.into_iter().flat_map(|standing| standing.lanes).next())
    }

    async fn waiting(&self, key: &SubscriptionKey, page: PageRequest) -> Result<Page<Kept>, ListFailed> {
        Ok(self.list_kept(key, None, page).await?)
    }

    async fn first_waiting(&self, key: &SubscriptionKey, stream: Stream) -> Result<Option<Kept>, Failed> {
        Ok(self.waiting(key, stream, 1).await?.into_iter().next())
    }

    async fn dead(&self, key: &SubscriptionKey, page: PageRequest) -> Result<Page<Dead>, ListFailed> {
        Ok(self.list_dead(key, page).await?)
    }

    async fn dead_delivery(&self, key: &SubscriptionKey, event: &EventId) -> Result<Option<Dead>, Failed> {
        Ok(self.dead(key, event).await?)
    }

    async fn change(&self, change: &Change, now: Timestamp) -> Result<Saved, Failed> {
        Ok(self.change_backlog(change, now).await?)
    }

    async fn replay(&self, dead: &Dead, change: &Change, now: Timestamp) -> Result<Replayed, Failed> {
        Ok(self.replay(change, slice::from_ref(dead), now).await?)
    }

    async fn purge(&self, key: &SubscriptionKey) -> Result<bool, Failed> {
        Ok(self.purge_backlog(key).await?)
    }
}

#[async_trait]
impl Timers for WakeQueue {
    async fn wake(&self, wake: &Wake, after: Duration) -> Result<(), Failed> {
        self.send(wake, after).await.map_err(|error| busy(&error))
    }

    async fn step(&self, step: &JobStep, after: Duration) -> Result<(), Failed> {
        self.send_step(step, after).await.map_err(|error| busy(&error))
    }
}

fn busy(error: &QueueError) -> Failed {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    Failed::Busy(format!("{error}: {cause}"))
}
