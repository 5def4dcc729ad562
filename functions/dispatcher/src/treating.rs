//! Doing with a lane what was decided about what it keeps, before anything of it is sent.

use crate::delivering::Dispatcher;
use crate::ports::{Changed, Fault, World};
use crate::sending::{Sending, Stop};
use spacehook_domain::backlog::{Change, Kept, KeptKey, Lane, OnEnable, Treatment};
use spacehook_domain::stats::Dropped;
use spacehook_domain::subscription::BacklogMode;

/// Deliveries that one change drops: a transaction has 100 items.
const DROPPED_AT_ONCE: usize = 80;

/// What is done with a lane.
#[derive(Debug, Clone, Copy)]
enum Treating {
    /// What was kept before the enabling goes.
    Discard(Treatment),
    /// The newest of each type stays alone; only of what was kept before the enabling, where that is why.
    Compact(Option<Treatment>),
}

/// A lane after a step of its treatment.
enum Step {
    /// It is as it should be.
    Done(Lane),
    /// There is more to do with it, which is now so.
    More(Lane),
    /// Nothing is left of it.
    Gone,
}

impl<W: World> Dispatcher<W> {
    /// Discards what was to be discarded, or leaves the newest of each type alone. Returns the lane as it is then; none
    /// where nothing is left of it, or where the run's time is over first.
    pub(crate) async fn treat(&self, sending: &Sending<'_>, mut lane: Lane) -> Result<Option<Lane>, Fault> {
        while let Some(treating) = treating(sending, &lane) {
            if sending.is_over(self.world.now()) {
                sending.state().stop(Stop::Enough);
                return Ok(None);
            }
            lane = match self.treat_step(sending, treating, lane).await? {
                Step::More(lane) => lane,
                Step::Done(lane) => return Ok(Some(lane)),
                Step::Gone => return Ok(None),
            };
        }
        Ok(Some(lane))
    }

    async fn treat_step(&self, sending: &Sending<'_>, treating: Treating, read: Lane) -> Result<Step, Fault> {
        let key = sending.subscription().key();
        let waiting = self.world.waiting(&key, read.stream, DROPPED_AT_ONCE).await?;
        let mut new = read.clone();
        let (why, dropped) = match treating {
            Treating::Compact(None) => (Dropped::Superseded, new.compact(&waiting)),
            Treating::Compact(Some(treatment)) => {
                let old: Vec<Kept> = waiting.iter().filter(|kept| is_of_before(kept, treatment)).cloned().collect();
                (Dropped::Superseded, new.compact(&old))
            }
            Treating::Discard(treatment) => (Dropped::Discarded, discard(&mut new, &waiting, treatment)),
        };
        if dropped.is_empty() {
            return Ok(Step::Done(read));
        }
        let is_all = waiting.len() < DROPPED_AT_ONCE && dropped.len() == waiting.len();
        let count = dropped.len();
        let mut change = Change::of(key);
        change.delete = dropped;
        if is_all {
            change.delete_lane(&read);
        } else {
            change.set_lane(Some(&read), new.clone());
        }
        if self.world.change(&change).await? == Changed::Conflict {
            let standing = self.standing(sending.subscription(), [read.stream].into_iter()).await?;
            return Ok(standing.lanes.into_iter().next().map_or(Step::Gone, Step::More));
        }
        sending.dropped(why, count);
        Ok(if is_all { Step::Gone } else { Step::More(new.next()) })
    }
}

fn treating(sending: &Sending<'_>, lane: &Lane) -> Option<Treating> {
    let treatment = sending.treatment();
    if let Some(treatment) = treatment.filter(|treatment| treatment.what == OnEnable::Discard) {
        return Some(Treating::Discard(treatment));
    }
    if !lane.is_loose() {
        return None;
    }
    if sending.subscription().backlog == BacklogMode::Latest {
        return Some(Treating::Compact(None));
    }
    let latest = treatment.filter(|treatment| treatment.what == OnEnable::Latest);
    latest.map(|treatment| Treating::Compact(Some(treatment)))
}

fn is_of_before(kept: &Kept, treatment: Treatment) -> bool {
    kept.kept_at < treatment.kept_before
}

fn discard(lane: &mut Lane, waiting: &[Kept], treatment: Treatment) -> Vec<KeptKey> {
    let old = waiting.iter().filter(|kept| is_of_before(kept, treatment));
    let keys: Vec<KeptKey> = old.map(|kept| KeptKey::of(&kept.event)).collect();
    for key in &keys {
        lane.settled(key, None);
    }
    keys
}
