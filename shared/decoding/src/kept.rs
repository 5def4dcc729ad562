//! The kept way: the engine of a script, with its source compiled as the body of a function.

use crate::call::{Arguments, Call, Found, lookup};
use crate::engine::{Engine, Originals, module, sloppy};
use rquickjs::{Array, Ctx, Function, Persistent};

/// What keeps the language as it was.
const GUARD: &str = include_str!("guard.js");
/// Messages that one engine decodes at most. Should anything grow that is not known, it ends with that.
const MESSAGES_LIMIT: u32 = 2_000;
/// After how many messages it is looked at what an engine has allocated.
const WEIGHED_AFTER: u32 = 16;
/// What it may have allocated by then, garbage included.
const KEPT_BYTES_LIMIT: i64 = 2 * 1_024 * 1_024;

/// An engine that is kept. What is of it goes before it.
pub(crate) struct Kept {
    date: Persistent<Function<'static>>,
    script: Persistent<Function<'static>>,
    restore: Persistent<Function<'static>>,
    engine: Engine,
    messages: u32,
}

/// What became of a message.
pub(crate) enum Outcome {
    /// The answer as JSON, and the engine is as it was.
    Answered(String),
    /// The answer, with which the engine ends.
    AnsweredLast(String),
    /// The script takes too long.
    Late,
    /// Not to be told here.
    Unknown,
}

impl Kept {
    /// Keeps a script that has run by itself, and so can't end the function around it. None where it can't be kept.
    pub(crate) fn new(script: &str, declared: Vec<String>) -> Option<Self> {
        let engine = Engine::new().ok()?;
        let made = engine.unbounded(|context| {
            let originals = Originals::prepare(&context)?;
            // A method, since that has neither a prototype nor a strict `this`.
            let source = format!("({{script(){{\n{script}\n;return {};}}}}).script", lookup());
            let script: Function<'_> = sloppy(&context, &source)?;
            let guard: Function<'_> = context.eval(GUARD)?;
            let restore: Function<'_> = guard.call((script.clone(), declared))?;
            let save = |function| Persistent::save(&context, function);
            Ok::<_, rquickjs::Error>((save(originals.date), save(script), save(restore)))
        });
        let (date, script, restore) = made.ok()?;
        Some(Self { date, script, restore, engine, messages: 0 })
    }

    /// Runs the script for one message.
    pub(crate) fn run(&mut self, call: &Call) -> Outcome {
        self.messages += 1;
        let engine = &self.engine;
        let (answer, is_restored) = engine.within_limit(|context| {
            let answer = self.answer(&context, call);
            let is_late = engine.is_late();
            let restored = self.restore.clone().restore(&context).and_then(|restore| restore.call::<_, bool>(()));
            (answer.ok_or(is_late), restored)
        });
        // Else it touched what tells it that it is kept, or left what can't be put back.
        let is_as_it_was = matches!(is_restored, Ok(true)) && !self.engine.has_waiting();
        match answer {
            Err(true) => Outcome::Late,
            Ok(answer) if is_as_it_was && self.is_good() => Outcome::Answered(answer),
            Ok(answer) if is_as_it_was => Outcome::AnsweredLast(answer),
            Ok(_) | Err(false) => Outcome::Unknown,
        }
    }

    fn answer(&self, context: &Ctx<'_>, call: &Call) -> Option<String> {
        let date = self.date.clone().restore(context).ok()?;
        let arguments = Arguments::of(call, context, &date).ok()?;
        let module = module(context).ok()?;
        let script = self.script.clone().restore(context).ok()?;
        let found: Array<'_> = script.call(()).ok()?;
        Found::among(&found, &module, call.entry()).ok()?.call(context, arguments).ok()
    }

    fn is_good(&self) -> bool {
        let is_weighed = self.messages.is_multiple_of(WEIGHED_AFTER);
        self.messages < MESSAGES_LIMIT && !(is_weighed && self.engine.allocated_bytes() > KEPT_BYTES_LIMIT)
    }
}
