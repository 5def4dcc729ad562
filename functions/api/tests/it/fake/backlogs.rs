use super::{Contents, Fake, page};
use async_trait::async_trait;
use jiff::Timestamp;
use spacehook_api::ports::{BacklogRecords, Failed, ListFailed, Timers};
use spacehook_domain::backlog::{Backlog, Change, Dead, Kept, KeptKey, Lane};
use spacehook_domain::ids::{EventId, SubscriptionKey};
use spacehook_domain::job::JobStep;
use spacehook_domain::stream::Stream;
use spacehook_domain::wake::Wake;
use spacehook_store::{Page, PageRequest, Replayed, Saved};
use std::time::Duration;

/// Makes all of a change, or nothing where something is not as it was read.
pub(super) fn apply(contents: &mut Contents, change: &Change) -> Saved {
    let of = &change.subscription;
    let backlog_version = contents.backlogs.get(of).map(|backlog| backlog.version);
    let lane_version = |stream| contents.lanes.get(&(of.clone(), stream)).map(|lane| lane.version);
    let as_read = change.backlog.as_ref().is_none_or(|replace| replace.expected == backlog_version)
        && change.lanes.iter().all(|(stream, replace)| replace.expected == lane_version(*stream));
    if !as_read {
        return Saved::Conflict;
    }
    match change.backlog.as_ref().map(|replace| replace.new.clone()) {
        Some(Some(backlog)) => drop(contents.backlogs.insert(of.clone(), backlog)),
        Some(None) => drop(contents.backlogs.remove(of)),
        None => {}
    }
    for (stream, replace) in &change.lanes {
        match replace.new.clone() {
            Some(lane) => contents.lanes.insert((of.clone(), *stream), lane),
            None => contents.lanes.remove(&(of.clone(), *stream)),
        };
    }
    for place in &change.delete {
        contents.kept.remove(&(of.clone(), *place));
    }
    for kept in &change.put {
        contents.kept.insert((of.clone(), KeptKey::of(&kept.event)), kept.clone());
    }
    contents.dead.extend(change.bury.iter().map(|dead| (of.clone(), dead.clone())));
    Saved::Yes
}

/// Somebody else is faster, as often as was asked for.
fn meet_a_rival(contents: &mut Contents) {
    if contents.rivals > 0 {
        contents.rivals -= 1;
        for lane in contents.lanes.values_mut() {
            *lane = lane.clone().next();
        }
        for backlog in contents.backlogs.values_mut() {
            *backlog = backlog.clone().next();
        }
    }
}

fn of<V: Clone, R>(map: &std::collections::BTreeMap<(SubscriptionKey, R), V>, key: &SubscriptionKey) -> Vec<V> {
    map.iter().filter(|((of, _), _)| of == key).map(|(_, value)| value.clone()).collect()
}

fn dead_of(contents: &Contents, key: &SubscriptionKey) -> Vec<Dead> {
    contents.dead.iter().rev().filter(|(of, _)| of == key).map(|(_, dead)| dead.clone()).collect()
}

#[async_trait]
impl BacklogRecords for Fake {
    async fn backlog(&self, key: &SubscriptionKey) -> Result<Option<Backlog>, Failed> {
        self.perform("backlog.get", |contents| contents.backlogs.get(key).cloned())
    }

    async fn lanes(&self, key: &SubscriptionKey) -> Result<Vec<Lane>, Failed> {
        self.perform("lane.list", |contents| of(&contents.lanes, key))
    }

    async fn lane(&self, key: &SubscriptionKey, stream: Stream) -> Result<Option<Lane>, Failed> {
        self.perform("lane.get", |contents| contents.lanes.get(&(key.clone(), stream)).cloned())
    }

    async fn waiting(&self, key: &SubscriptionKey, request: PageRequest) -> Result<Page<Kept>, ListFailed> {
        let all = self.perform("kept.list", |contents| of(&contents.kept, key))?;
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn first_waiting(&self, key: &SubscriptionKey, stream: Stream) -> Result<Option<Kept>, Failed> {
        let all = self.perform("kept.list", |contents| of(&contents.kept, key))?;
        Ok(all.into_iter().find(|kept| kept.event.stream() == stream))
    }

    async fn dead(&self, key: &SubscriptionKey, request: PageRequest) -> Result<Page<Dead>, ListFailed> {
        let all = self.perform("dead.list", |contents| dead_of(contents, key))?;
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn dead_delivery(&self, key: &SubscriptionKey, event: &EventId) -> Result<Option<Dead>, Failed> {
        let all = self.perform("dead.get", |contents| dead_of(contents, key))?;
        Ok(all.into_iter().find(|dead| dead.event.id == *event))
    }

    async fn change(&self, change: &Change, _: Timestamp) -> Result<Saved, Failed> {
        self.perform("backlog.change", |contents| {
            meet_a_rival(contents);
            apply(contents, change)
        })
    }

    async fn replay(&self, dead: &Dead, change: &Change, _: Timestamp) -> Result<Replayed, Failed> {
        self.perform("dead.replay", |contents| {
            meet_a_rival(contents);
            let is_it = |(of, one): &(SubscriptionKey, Dead)| *of == change.subscription && one == dead;
            let Some(place) = contents.dead.iter().position(is_it) else { return Replayed::Gone };
            if apply(contents, change) == Saved::Conflict {
                return Replayed::Conflict;
            }
            contents.dead.remove(place);
            Replayed::Yes
        })
    }

    async fn purge(&self, key: &SubscriptionKey) -> Result<bool, Failed> {
        self.perform("backlog.purge", |contents| {
            for _ in 0..PURGED_AT_ONCE {
                let dead = contents.dead.iter().position(|(of, _)| of == key);
                let kept = contents.kept.keys().find(|(of, _)| of == key).cloned();
                let lane = contents.lanes.keys().find(|(of, _)| of == key).cloned();
                if let Some(place) = dead {
                    contents.dead.remove(place);
                } else if let Some(kept) = kept {
                    contents.kept.remove(&kept);
                } else if let Some(lane) = lane {
                    contents.lanes.remove(&lane);
                } else {
                    return true;
                }
            }
            false
        })
    }
}

/// Items that one step deletes of a subscription that is gone, at most.
const PURGED_AT_ONCE: usize = 2;

#[async_trait]
impl Timers for Fake {
    async fn wake(&self, wake: &Wake, after: Duration) -> Result<(), Failed> {
        self.perform("timer.wake", |contents| contents.woken.push((wake.clone(), after)))
    }

    async fn step(&self, step: &JobStep, _: Duration) -> Result<(), Failed> {
        self.perform("timer.step", |contents| contents.steps.push(step.clone()))
    }
}
