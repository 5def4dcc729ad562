//! One engine for one message.

use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::function::IntoArgs;
use rquickjs::{Array, Context, Ctx, Function, Object, Runtime, Value as JsValue};
use serde_json::Value;
use spacehook_domain::profile::Uplink;
use std::time::{Duration, Instant};

/// How long a decoder may take, reading its source included.
pub const TIME_LIMIT: Duration = Duration::from_millis(50);
/// What it may allocate.
pub const MEMORY_BYTES_LIMIT: usize = 16 * 1_024 * 1_024;
/// How deep it may call.
pub const STACK_BYTES_LIMIT: usize = 256 * 1_024;
/// What it may answer, as JSON.
pub const OUTPUT_BYTES_LIMIT: usize = 256 * 1_024;
/// Characters of its own words that are shown.
const SHOWN: usize = 200;

/// What decoders find in the network servers they were written for, and that is harmless.
const PRELUDE: &str = "globalThis.console={log(){},info(){},warn(){},error(){},debug(){}};";

/// What the language has, without promises, timers, modules: there is nothing to wait for.
type Intrinsics = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
);

pub(crate) fn run(script: &str, uplink: &Uplink) -> Result<Value, String> {
    let unstarted = |error: rquickjs::Error| format!("the decoder can't be started: {error}");
    let runtime = Runtime::new().map_err(unstarted)?;
    runtime.set_memory_limit(MEMORY_BYTES_LIMIT);
    runtime.set_max_stack_size(STACK_BYTES_LIMIT);
    let began = Instant::now();
    runtime.set_interrupt_handler(Some(Box::new(move || began.elapsed() > TIME_LIMIT)));
    let context = Context::custom::<Intrinsics>(&runtime).map_err(unstarted)?;
    let answer = context.with(|context| {
        let outcome = attempt(&context, script, uplink);
        outcome.map_err(|failed| failed.told(&context, began.elapsed() > TIME_LIMIT))
    })?;
    if answer.len() > OUTPUT_BYTES_LIMIT {
        return Err(format!("the decoder answered {} bytes; at most {OUTPUT_BYTES_LIMIT} are taken", answer.len()));
    }
    let answer =
        serde_json::from_str(&answer).map_err(|error| format!("the decoder's answer can't be read: {error}"))?;
    data(answer)
}

/// Why there is no answer.
enum Failed {
    /// It threw, or was stopped.
    Js(rquickjs::Error),
    /// It has nothing that could be called.
    NoEntry,
    /// It answered nothing that is JSON.
    Nothing,
}

impl From<rquickjs::Error> for Failed {
    fn from(error: rquickjs::Error) -> Self {
        Self::Js(error)
    }
}

impl Failed {
    /// What happened. Nothing of the decoder's is called for it: not its `toString`, not its getters.
    fn told(self, context: &Ctx<'_>, is_late: bool) -> String {
        match self {
            Self::NoEntry => {
                "the decoder has neither decodeUplink(input) nor Decode(fPort, bytes) nor Decoder(bytes, port)"
                    .to_owned()
            }
            Self::Nothing => "the decoder answered nothing that JSON has".to_owned(),
            Self::Js(_) if is_late => format!("the decoder took more than {} ms", TIME_LIMIT.as_millis()),
            Self::Js(error) if error.is_exception() => format!("the decoder threw: {}", thrown(&context.catch())),
            Self::Js(error) => format!("the decoder failed: {error}"),
        }
    }
}

fn thrown(value: &JsValue<'_>) -> String {
    let text = value.as_string().and_then(|text| text.to_string().ok());
    let message = || value.as_exception().and_then(rquickjs::Exception::message);
    let number = || value.as_number().map(|number| number.to_string());
    let told =
        text.or_else(message).or_else(number).unwrap_or_else(|| format!("a value of type {}", value.type_name()));
    told.chars().take(SHOWN).collect()
}

fn attempt(context: &Ctx<'_>, script: &str, uplink: &Uplink) -> Result<String, Failed> {
    // As a script, not a module, and not strict: so that what was written for network servers runs as it does there.
    let mut options = EvalOptions::default();
    (options.global, options.strict) = (true, false);
    let () = context.eval(PRELUDE)?;
    let _: JsValue<'_> = context.eval_with_options(script, options)?;
    let globals = context.globals();
    let bytes = Array::new(context.clone())?;
    for (index, byte) in uplink.bytes.iter().enumerate() {
        bytes.set(index, *byte)?;
    }
    let variables = Object::new(context.clone())?;
    for (name, value) in &uplink.variables {
        variables.set(name, value)?;
    }
    let answer = if let Some(decode) = entry(&globals, "decodeUplink")? {
        let input = Object::new(context.clone())?;
        input.set("bytes", bytes)?;
        input.set("fPort", uplink.f_port)?;
        input.set("recvTime", date(context, uplink)?)?;
        input.set("variables", variables)?;
        call(&decode, (input,))?
    } else if let Some(decode) = entry(&globals, "Decode")? {
        call(&decode, (uplink.f_port, bytes, variables))?
    } else if let Some(decode) = entry(&globals, "Decoder")? {
        call(&decode, (bytes, uplink.f_port))?
    } else {
        return Err(Failed::NoEntry);
    };
    let written = context.json_stringify(answer)?.ok_or(Failed::Nothing)?;
    Ok(written.to_string()?)
}

fn entry<'js>(globals: &Object<'js>, name: &str) -> Result<Option<Function<'js>>, Failed> {
    let found: JsValue<'js> = globals.get(name)?;
    Ok(found.into_function())
}

fn call<'js>(function: &Function<'js>, arguments: impl IntoArgs<'js>) -> Result<JsValue<'js>, Failed> {
    Ok(function.call(arguments)?)
}

fn date<'js>(context: &Ctx<'js>, uplink: &Uplink) -> Result<JsValue<'js>, Failed> {
    Ok(context.eval(format!("new Date({})", uplink.received_at.as_millisecond()))?)
}

/// TS013 answers `{data, warnings, errors}`; older decoders the data itself.
fn data(answer: Value) -> Result<Value, String> {
    let Value::Object(mut fields) = answer else { return Err("the decoder must answer an object".to_owned()) };
    let errors = fields.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty());
    if let Some(errors) = errors {
        let told: Vec<String> =
            errors.iter().map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned)).collect();
        return Err(format!("the decoder says: {}", told.join("; ").chars().take(SHOWN).collect::<String>()));
    }
    match fields.remove("data") {
        Some(Value::Object(data)) => Ok(Value::Object(data)),
        Some(_) => Err("the decoder's data must be an object".to_owned()),
        None => Ok(Value::Object(fields)),
    }
}

#[cfg(test)]
mod tests;
