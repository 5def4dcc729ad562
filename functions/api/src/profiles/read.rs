//! What clients say of a profile of their own.

use crate::fields::{At, Errors, Fields};
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spacehook_domain::ids::ProfileName;
use spacehook_domain::profile::{DEFINITION_BYTES_LIMIT, Decode, Profile, Recipe, TITLE_LIMIT};
use utoipa::ToSchema;

/// A new profile.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProfile {
    /// Its name, the third level of the topics of its messages: 1 to 64 of `a-z`, `0-9`, `_` and `-`, beginning with a
    /// letter or a digit; that of none which is built in.
    pub name: String,
    /// Whose messages it is for.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// How its messages are read: see README, "Profiles". At most 192 KiB, each script at most 128 KiB.
    #[schema(value_type = Object)]
    pub definition: Value,
}

/// What a profile is from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileReplacement {
    /// Whose messages it is for.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// How its messages are read: see README, "Profiles".
    #[schema(value_type = Object)]
    pub definition: Value,
}

const NEW_FIELDS: &[&str] = &["name", "title", "definition"];
const FIELDS: &[&str] = &["title", "definition"];

/// What there is to say of a profile, but for its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) title: Option<String>,
    pub(super) definition: Value,
}

/// Reads a new profile.
pub(super) fn read_new(body: &Value, scripts: &dyn Decode) -> Result<(ProfileName, Said), Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(NEW_FIELDS).and_then(|fields| {
        let name = fields.required("name", |at| at.parsed(parse_name));
        let said = read_said(&fields, scripts);
        Some((name?, said?))
    });
    errors.finish(read)
}

/// Reads what a profile is to be.
pub(super) fn read_replacement(body: &Value, scripts: &dyn Decode) -> Result<Said, Problem> {
    let errors = Errors::default();
    let read = At::root(body, &errors).fields(FIELDS).and_then(|fields| read_said(&fields, scripts));
    errors.finish(read)
}

fn parse_name(text: &str) -> Result<ProfileName, String> {
    let name = ProfileName::parse(text).map_err(|invalid| invalid.to_string())?;
    if Profile::of_all(&name).is_some() {
        return Err("is the name of a profile that every tenant has".to_owned());
    }
    Ok(name)
}

fn read_said(fields: &Fields<'_>, scripts: &dyn Decode) -> Option<Said> {
    let title = fields.optional("title", |at| at.prose(TITLE_LIMIT).map(Some));
    let definition = fields.required("definition", |at| read_definition(at, scripts));
    Some(Said { title: title?, definition: definition?.0 })
}

/// A definition as it was written, and as it was read. Its scripts are run without being called.
pub(super) fn read_definition(at: &At<'_>, scripts: &dyn Decode) -> Option<(Value, Recipe)> {
    if !at.value().is_object() {
        return at.refuse("must be an object");
    }
    let bytes = at.value().to_string().len();
    if bytes > DEFINITION_BYTES_LIMIT {
        return at.refuse(format!("has {bytes} bytes; at most {DEFINITION_BYTES_LIMIT} are allowed"));
    }
    let recipe = match Recipe::read(at.value()) {
        Ok(recipe) => recipe,
        Err(mistakes) => {
            for mistake in mistakes {
                at.refuse_within::<()>(&mistake.pointer, mistake.detail);
            }
            return None;
        }
    };
    let mut is_good = true;
    for (pointer, script, entry) in recipe.own_scripts() {
        if let Err(problem) = scripts.check(script, entry) {
            at.refuse_within::<()>(pointer, problem);
            is_good = false;
        }
    }
    is_good.then(|| (at.value().clone(), recipe))
}
