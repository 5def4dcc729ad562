//! What is called of a script, and with what.

use crate::failure::Failed;
use rquickjs::{Array, Ctx, Function, Object, Value as JsValue};
use serde_json::{Value, json};
use spacehook_domain::profile::{Entry, Uplink};

/// What is to be called.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// The decoder of an uplink: its input but for the time, as JSON, and the time, milliseconds since 1970.
    Decode { input: String, at_ms: i64 },
    /// `normalize`, with what it gets as JSON.
    Normalize { data: String, meta: String },
}

impl Call {
    pub(crate) fn decode(uplink: &Uplink) -> Self {
        let Uplink { bytes, f_port, received_at, variables } = uplink;
        let input = json!({"bytes": bytes, "fPort": f_port, "variables": variables}).to_string();
        Self::Decode { input, at_ms: received_at.as_millisecond() }
    }

    pub(crate) fn normalize(data: &Value, meta: &Value) -> Self {
        Self::Normalize { data: data.to_string(), meta: meta.to_string() }
    }

    pub(crate) fn entry(&self) -> Entry {
        match self {
            Self::Decode { .. } => Entry::Decoder,
            Self::Normalize { .. } => Entry::Normalize,
        }
    }
}

/// The function of a script that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `decodeUplink(input)`: TS013, and before it The Things Stack's.
    DecodeUplink,
    /// `Decode(fPort, bytes, variables)`: `ChirpStack` 3.
    Decode,
    /// `Decoder(bytes, port)`: The Things Network 2.
    Decoder,
    /// `normalize(data, meta)`.
    Normalize,
}

impl Form {
    /// By precedence.
    const ALL: [Self; 4] = [Self::DecodeUplink, Self::Decode, Self::Decoder, Self::Normalize];

    fn name(self) -> &'static str {
        match self {
            Self::DecodeUplink => "decodeUplink",
            Self::Decode => "Decode",
            Self::Decoder => "Decoder",
            Self::Normalize => "normalize",
        }
    }

    fn serves(self, entry: Entry) -> bool {
        (self == Self::Normalize) == (entry == Entry::Normalize)
    }
}

/// The expression that finds the functions of a script in its own scope, where also `let` and `const` are seen: an array.
pub(crate) fn lookup() -> String {
    let found = Form::ALL.map(Form::name).map(|name| format!("typeof {name}===\"function\"?{name}:null"));
    format!("[{}]", found.join(","))
}

/// A function that was found.
pub(crate) struct Found<'js> {
    form: Form,
    function: Function<'js>,
}

impl<'js> Found<'js> {
    /// The function for that, of those that [`lookup`] found, or else of what the script exports.
    pub(crate) fn among(found: &Array<'js>, module: &Object<'js>, entry: Entry) -> Result<Self, Failed> {
        for (index, form) in Form::ALL.into_iter().enumerate().filter(|(_, form)| form.serves(entry)) {
            let value: JsValue<'js> = found.get(index)?;
            if let Some(function) = value.into_function() {
                return Ok(Self { form, function });
            }
        }
        let exports: JsValue<'js> = module.get("exports")?;
        for form in Form::ALL.into_iter().filter(|form| form.serves(entry)) {
            let Some(exports) = exports.as_object() else { break };
            let value: JsValue<'js> = exports.get(form.name())?;
            if let Some(function) = value.into_function() {
                return Ok(Self { form, function });
            }
        }
        Err(Failed::NoEntry)
    }

    /// Its answer as JSON, empty where it answered nothing.
    pub(crate) fn call(self, context: &Ctx<'js>, arguments: Arguments<'js>) -> Result<String, Failed> {
        let answer: JsValue<'js> = match (arguments, self.form) {
            (Arguments::Decode { input, .. }, Form::DecodeUplink) => self.function.call((input,))?,
            (Arguments::Decode { bytes, port, .. }, Form::Decoder) => self.function.call((bytes, port))?,
            (Arguments::Decode { bytes, port, variables, .. }, _) => self.function.call((port, bytes, variables))?,
            (Arguments::Normalize { data, meta }, _) => self.function.call((data, meta))?,
        };
        if answer.is_promise() {
            return Err(Failed::Promise);
        }
        Ok(context.json_stringify(answer)?.map(|written| written.to_string()).transpose()?.unwrap_or_default())
    }
}

/// What a function gets. Made before anything of the script has run.
pub(crate) enum Arguments<'js> {
    Decode { input: Object<'js>, bytes: JsValue<'js>, port: JsValue<'js>, variables: JsValue<'js> },
    Normalize { data: JsValue<'js>, meta: JsValue<'js> },
}

impl<'js> Arguments<'js> {
    pub(crate) fn of(call: &Call, context: &Ctx<'js>, date: &Function<'js>) -> rquickjs::Result<Self> {
        match call {
            Call::Decode { input, at_ms } => {
                let input: Object<'js> = context.json_parse(input.as_str())?.get()?;
                #[expect(clippy::cast_precision_loss, reason = "times of JavaScript are such numbers")]
                let at: JsValue<'js> = date.call((*at_ms as f64,))?;
                input.set("recvTime", at)?;
                let (bytes, port, variables) = (input.get("bytes")?, input.get("fPort")?, input.get("variables")?);
                Ok(Self::Decode { input, bytes, port, variables })
            }
            Call::Normalize { data, meta } => Ok(Self::Normalize {
                data: context.json_parse(data.as_str())?,
                meta: context.json_parse(meta.as_str())?,
            }),
        }
    }
}
