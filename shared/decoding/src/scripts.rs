//! Which of the two ways a message goes.

use crate::call::Call;
use crate::engine::TIME_LIMIT;
use crate::failure::subject;
use crate::fresh;
use crate::kept::{Kept, Outcome};
use std::cell::RefCell;

/// Scripts that are known, at most: those used last. Each has half a MB, and at most what [`Kept`] allows.
const SCRIPTS_LIMIT: usize = 16;
/// How often a script must go well before its engine is kept: to ready one costs as much as some ten messages.
const PATIENCE: u32 = 3;
/// What that grows to where keeping it does not go well.
const PATIENCE_LIMIT: u32 = 1 << 16;

/// What is known of a script.
struct Known {
    source: Box<str>,
    kept: Option<Kept>,
    /// How often it went well in an engine of its own since it was last kept.
    went_well: u32,
    /// How often it must.
    patience: u32,
}

thread_local! {
    /// Those used last are first.
    static SCRIPTS: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// The answer of a script to a message, as JSON; empty where it answered nothing.
pub(crate) fn run(script: &str, call: &Call) -> Result<String, String> {
    SCRIPTS.with_borrow_mut(|scripts| {
        let at = scripts.iter().position(|known| *known.source == *script);
        let mut known = at.map_or_else(|| Known::new(script), |at| scripts.remove(at));
        let answer = known.run(call);
        scripts.truncate(SCRIPTS_LIMIT - 1);
        scripts.insert(0, known);
        answer
    })
}

impl Known {
    fn new(script: &str) -> Self {
        Self { source: script.into(), kept: None, went_well: 0, patience: PATIENCE }
    }

    fn run(&mut self, call: &Call) -> Result<String, String> {
        if let Some(mut kept) = self.kept.take() {
            match kept.run(call) {
                Outcome::Answered(answer) => {
                    self.kept = Some(kept);
                    return Ok(answer);
                }
                Outcome::AnsweredLast(answer) => return Ok(answer),
                Outcome::Late => {
                    self.doubt();
                    return Err(format!("{} took more than {} ms", subject(call.entry()), TIME_LIMIT.as_millis()));
                }
                Outcome::Unknown => self.doubt(),
            }
        }
        let answered = fresh::run(&self.source, call)?;
        self.went_well += 1;
        if self.went_well >= self.patience {
            self.kept = Kept::new(&self.source, answered.declared);
            self.went_well = 0;
        }
        Ok(answered.answer)
    }

    /// It costs more to keep a script that often fails than to run it afresh.
    fn doubt(&mut self) {
        self.patience = self.patience.saturating_mul(8).min(PATIENCE_LIMIT);
        self.went_well = 0;
    }
}

/// Whether the engine of a script is kept on this thread.
#[cfg(test)]
pub(crate) fn is_kept(script: &str) -> bool {
    SCRIPTS.with_borrow(|scripts| scripts.iter().any(|known| *known.source == *script && known.kept.is_some()))
}
