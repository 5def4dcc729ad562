//! A JavaScript engine within bounds.

use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::{Context, Ctx, FromJs, Function, Object, Runtime};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a script may take for a message, reading its source included.
pub const TIME_LIMIT: Duration = Duration::from_millis(50);
/// What it may allocate.
pub const MEMORY_BYTES_LIMIT: usize = 16 * 1_024 * 1_024;
/// How deep it may call.
pub const STACK_BYTES_LIMIT: usize = 256 * 1_024;
/// What it may answer, as JSON.
pub const OUTPUT_BYTES_LIMIT: usize = 256 * 1_024;

/// The name of the source in the stack of what it throws.
pub(crate) const FILE: &str = "script.js";

/// What is harmless and found in the network servers that decoders were written for; and what is needed of the language
/// as it is before a script ran.
const PRELUDE: &str = include_str!("prelude.js");

/// What the language has, without timers and modules. Promises are there, since an `async` function without them ends the
/// process; what waits for one is never run.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

/// An engine. No script has run in it yet.
pub(crate) struct Engine {
    context: Context,
    until: Rc<Cell<Option<Instant>>>,
    runtime: Runtime,
}

impl Engine {
    pub(crate) fn new() -> rquickjs::Result<Self> {
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(MEMORY_BYTES_LIMIT);
        runtime.set_max_stack_size(STACK_BYTES_LIMIT);
        let until = Rc::new(Cell::new(None::<Instant>));
        let watched = Rc::clone(&until);
        let is_over = move || watched.get().is_some_and(|until| Instant::now() > until);
        runtime.set_interrupt_handler(Some(Box::new(is_over)));
        let context = Context::custom::<Intrinsics>(&runtime)?;
        Ok(Self { context, until, runtime })
    }

    /// Does something in the engine that ends by the time limit.
    pub(crate) fn within_limit<T>(&self, act: impl FnOnce(Ctx<'_>) -> T) -> T {
        self.until.set(Instant::now().checked_add(TIME_LIMIT));
        let done = self.context.with(act);
        self.until.set(None);
        done
    }

    /// Does something of our own in the engine.
    pub(crate) fn unbounded<T>(&self, act: impl FnOnce(Ctx<'_>) -> T) -> T {
        self.context.with(act)
    }

    /// Whether the time of what is being done is over.
    pub(crate) fn is_late(&self) -> bool {
        self.until.get().is_some_and(|until| Instant::now() > until)
    }

    /// Whether something waits for a promise.
    pub(crate) fn has_waiting(&self) -> bool {
        self.runtime.is_job_pending()
    }

    /// What is allocated in it. Costs as much as there is.
    pub(crate) fn allocated_bytes(&self) -> i64 {
        self.runtime.memory_usage().malloc_size
    }
}

/// What the prelude keeps of the language.
pub(crate) struct Originals<'js> {
    /// A `Date` of milliseconds since 1970.
    pub(crate) date: Function<'js>,
    /// The names that the script has declared as variables or functions of its own.
    pub(crate) declared: Function<'js>,
}

impl<'js> Originals<'js> {
    /// Readies a new engine for a script.
    pub(crate) fn prepare(context: &Ctx<'js>) -> rquickjs::Result<Self> {
        let prelude: Object<'js> = context.eval(PRELUDE)?;
        Ok(Self { date: prelude.get("date")?, declared: prelude.get("declared")? })
    }
}

/// Runs source as a script, not a module, and not strict: so that what was written for network servers runs as it does there.
pub(crate) fn sloppy<'js, T: FromJs<'js>>(context: &Ctx<'js>, source: &str) -> rquickjs::Result<T> {
    let mut options = EvalOptions::default();
    (options.global, options.strict, options.filename) = (true, false, Some(FILE.to_owned()));
    context.eval_with_options(source, options)
}

/// Gives the script a new `module` with `exports`, as there is where decoders are tested.
pub(crate) fn module<'js>(context: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let (module, exports) = (Object::new(context.clone())?, Object::new(context.clone())?);
    module.set("exports", exports.clone())?;
    context.globals().set("module", module.clone())?;
    context.globals().set("exports", exports)?;
    Ok(module)
}
