//! The plain way: an engine of its own for a message.

use crate::call::{Arguments, Call, Found, lookup};
use crate::engine::{Engine, Originals, module, sloppy};
use crate::failure::{Failed, subject};
use rquickjs::{Array, Ctx, Value as JsValue};
use spacehook_domain::profile::Entry;

/// What a script answered, and what there is to know for the kept way.
pub(crate) struct Answered {
    /// As JSON; empty where it is nothing.
    pub(crate) answer: String,
    /// The names of its variables and functions.
    pub(crate) declared: Vec<String>,
}

/// Runs a script for one message.
pub(crate) fn run(script: &str, call: &Call) -> Result<Answered, String> {
    in_new_engine(call.entry(), |context| {
        let originals = Originals::prepare(context)?;
        let arguments = Arguments::of(call, context, &originals.date)?;
        let found = load(context, script, call.entry())?;
        let answer = found.call(context, arguments)?;
        Ok(Answered { answer, declared: originals.declared.call(())? })
    })
}

/// Runs a script without calling anything of it.
pub(crate) fn check(script: &str, entry: Entry) -> Result<(), String> {
    in_new_engine(entry, |context| {
        Originals::prepare(context)?;
        load(context, script, entry).map(|_| ())
    })
}

fn load<'js>(context: &Ctx<'js>, script: &str, entry: Entry) -> Result<Found<'js>, Failed> {
    let module = module(context)?;
    let _: JsValue<'js> = sloppy(context, script)?;
    let found: Array<'js> = sloppy(context, &lookup())?;
    Found::among(&found, &module, entry)
}

fn in_new_engine<T>(entry: Entry, act: impl FnOnce(&Ctx<'_>) -> Result<T, Failed>) -> Result<T, String> {
    let engine = Engine::new().map_err(|error| format!("{} can't be started: {error}", subject(entry)))?;
    engine.within_limit(|context| act(&context).map_err(|failed| failed.told(&context, entry, engine.is_late())))
}
