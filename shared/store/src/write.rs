//! One conditional write, by itself or as a part of a transaction.
//!
//! Every attribute name and value goes through an alias (`#0`, `:0`): many plain words are reserved in `DynamoDB`'s
//! expressions, and counters have `#` in their names.

use crate::item::{Item, item_bytes, key_item, number};
use crate::keys::Key;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use std::borrow::Cow;
use std::collections::HashMap;

pub(crate) type Name = Cow<'static, str>;

/// What must hold for a write to be done.
#[derive(Debug, Clone)]
pub(crate) enum If {
    /// The item is there.
    Exists,
    /// It is not.
    Absent,
    /// The attribute has this value.
    Is(Name, AttributeValue),
    /// The attribute is not there.
    Without(Name),
    /// The counter is not there, or below this.
    Below(Name, u64),
    /// The set is not there, or has at most so many members.
    Room(Name, usize),
    /// The counter is not there, or below this, or the set has this member.
    BelowOrIn(Name, u64, Name, String),
    /// The counter is not there, or below the other attribute, or, where that is not there, below this.
    BelowAttribute(Name, Name, u64),
}

impl If {
    /// The attribute has this value, or is not there where there is none.
    pub(crate) fn optional(name: &'static str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => Self::Is(name.into(), value),
            None => Self::Without(name.into()),
        }
    }

    fn text(self, aliases: &mut Aliases) -> String {
        match self {
            Self::Exists => format!("attribute_exists({})", aliases.name("pk".into())),
            Self::Absent => format!("attribute_not_exists({})", aliases.name("pk".into())),
            Self::Is(name, value) => format!("{} = {}", aliases.name(name), aliases.value(value)),
            Self::Without(name) => format!("attribute_not_exists({})", aliases.name(name)),
            Self::Below(name, bound) => {
                let (name, bound) = (aliases.name(name), aliases.value(number(bound)));
                format!("(attribute_not_exists({name}) OR {name} < {bound})")
            }
            Self::Room(name, most) => {
                let (name, most) = (aliases.name(name), aliases.value(number(most)));
                format!("(attribute_not_exists({name}) OR size({name}) <= {most})")
            }
            Self::BelowOrIn(name, bound, set, member) => {
                let (name, bound) = (aliases.name(name), aliases.value(number(bound)));
                let (set, member) = (aliases.name(set), aliases.value(AttributeValue::S(member)));
                format!("(attribute_not_exists({name}) OR {name} < {bound} OR contains({set}, {member}))")
            }
            Self::BelowAttribute(name, other, default) => {
                let (name, other, default) = (aliases.name(name), aliases.name(other), aliases.value(number(default)));
                format!(
                    "(attribute_not_exists({name}) OR (attribute_exists({other}) AND {name} < {other}) \
                     OR (attribute_not_exists({other}) AND {name} < {default}))"
                )
            }
        }
    }
}

/// What is done to an item.
#[derive(Debug, Clone)]
enum Action {
    Put(Item),
    Delete,
    Update(Vec<Step>),
}

#[derive(Debug, Clone)]
enum Step {
    Set(Name, AttributeValue),
    SetOnce(Name, AttributeValue),
    Remove(Name),
    Add(Name, AttributeValue),
    DeleteFrom(Name, AttributeValue),
}

/// A conditional write of one item.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    key: Key,
    action: Action,
    conditions: Vec<If>,
}

impl Write {
    /// Stores an item, which holds its key already.
    pub(crate) fn put(key: Key, item: Item) -> Self {
        Self { key, action: Action::Put(item), conditions: Vec::new() }
    }

    /// Deletes an item.
    pub(crate) fn delete(key: Key) -> Self {
        Self { key, action: Action::Delete, conditions: Vec::new() }
    }

    /// Changes an item, which is made where it is not there.
    pub(crate) fn update(key: Key) -> Self {
        Self { key, action: Action::Update(Vec::new()), conditions: Vec::new() }
    }

    /// Only if this holds, and all said before.
    pub(crate) fn only_if(mut self, condition: If) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Sets an attribute.
    pub(crate) fn set(self, name: impl Into<Name>, value: AttributeValue) -> Self {
        self.step(Step::Set(name.into(), value))
    }

    /// Sets an attribute, or removes it where there is no value.
    pub(crate) fn set_or_remove(self, name: &'static str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.step(Step::Set(name.into(), value)),
            None => self.step(Step::Remove(name.into())),
        }
    }

    /// Sets an attribute that is not there yet.
    pub(crate) fn set_once(self, name: &'static str, value: AttributeValue) -> Self {
        self.step(Step::SetOnce(name.into(), value))
    }

    /// Removes an attribute.
    pub(crate) fn remove(self, name: &'static str) -> Self {
        self.step(Step::Remove(name.into()))
    }

    /// Adds to a counter.
    pub(crate) fn count(self, name: impl Into<Name>, by: i64) -> Self {
        self.add(name, number(by))
    }

    /// Adds a number to a counter, or texts to a set.
    pub(crate) fn add(self, name: impl Into<Name>, value: AttributeValue) -> Self {
        self.step(Step::Add(name.into(), value))
    }

    /// Takes texts out of a set.
    pub(crate) fn delete_from(self, name: &'static str, value: AttributeValue) -> Self {
        self.step(Step::DeleteFrom(name.into(), value))
    }

    fn step(mut self, step: Step) -> Self {
        if let Action::Update(steps) = &mut self.action {
            steps.push(step);
        }
        self
    }

    /// The item it is about.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// About how many bytes of items it puts.
    pub(crate) fn bytes(&self) -> usize {
        match &self.action {
            Action::Put(item) => item_bytes(item),
            Action::Delete | Action::Update(_) => self.key.pk.len() + self.key.sk.len(),
        }
    }

    /// The request's parts.
    pub(crate) fn into_parts(self) -> Parts {
        let mut aliases = Aliases::default();
        let (kind, update) = match self.action {
            Action::Put(item) => (Kind::Put(item), None),
            Action::Delete => (Kind::Delete, None),
            Action::Update(steps) => (Kind::Update, Some(update_text(steps, &mut aliases))),
        };
        let conditions: Vec<String> = self.conditions.into_iter().map(|one| one.text(&mut aliases)).collect();
        Parts {
            kind,
            key: key_item(&self.key),
            update,
            condition: (!conditions.is_empty()).then(|| conditions.join(" AND ")),
            // An empty map is refused, so none is sent where there is nothing in it.
            values: (!aliases.values.is_empty()).then_some(aliases.values),
            names: (!aliases.names.is_empty()).then_some(aliases.names),
        }
    }

    /// The write as a part of a transaction.
    pub(crate) fn into_transaction_item(self, table: &str) -> Result<TransactWriteItem, BuildError> {
        let parts = self.into_parts();
        let item = TransactWriteItem::builder();
        Ok(match parts.kind {
            Kind::Put(put) => item.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(put))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .build()?,
            ),
            Kind::Delete => item.delete(
                Delete::builder()
                    .table_name(table)
                    .set_key(Some(parts.key))
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .build()?,
            ),
            Kind::Update => item.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(parts.key))
                    .set_update_expression(parts.update)
                    .set_condition_expression(parts.condition)
                    .set_expression_attribute_names(parts.names)
                    .set_expression_attribute_values(parts.values)
                    .build()?,
            ),
        }
        .build())
    }
}

/// Which request a write is.
pub(crate) enum Kind {
    /// `PutItem`, of this item.
    Put(Item),
    /// `DeleteItem`.
    Delete,
    /// `UpdateItem`.
    Update,
}

/// A write, as the SDK takes it.
pub(crate) struct Parts {
    pub(crate) kind: Kind,
    pub(crate) key: Item,
    pub(crate) update: Option<String>,
    pub(crate) condition: Option<String>,
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<Item>,
}

fn update_text(steps: Vec<Step>, aliases: &mut Aliases) -> String {
    let (mut set, mut remove, mut add, mut delete) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Set(name, value) => set.push(format!("{} = {}", aliases.name(name), aliases.value(value))),
            Step::SetOnce(name, value) => {
                let (name, value) = (aliases.name(name), aliases.value(value));
                set.push(format!("{name} = if_not_exists({name}, {value})"));
            }
            Step::Remove(name) => remove.push(aliases.name(name)),
            Step::Add(name, value) => add.push(format!("{} {}", aliases.name(name), aliases.value(value))),
            Step::DeleteFrom(name, value) => delete.push(format!("{} {}", aliases.name(name), aliases.value(value))),
        }
    }
    [("SET", set), ("REMOVE", remove), ("ADD", add), ("DELETE", delete)]
        .into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(word, parts)| format!("{word} {}", parts.join(", ")))
        .collect::<Vec<_>>()
        .join(" ")
}

#[derive(Default)]
struct Aliases {
    names: HashMap<String, String>,
    values: Item,
}

impl Aliases {
    /// The alias of a name: one alias a name, since `DynamoDB` refuses two.
    fn name(&mut self, name: Name) -> String {
        if let Some((alias, _)) = self.names.iter().find(|(_, known)| **known == name) {
            return alias.clone();
        }
        let alias = format!("#{}", self.names.len());
        self.names.insert(alias.clone(), name.into_owned());
        alias
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let alias = format!(":{}", self.values.len());
        self.values.insert(alias.clone(), value);
        alias
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::text;

    fn key() -> Key {
        Key { pk: "T#a".to_owned(), sk: "TENANT".to_owned() }
    }

    #[test]
    fn an_update_says_each_clause_once_and_each_name_once() {
        let write = Write::update(key())
            .count("n#x", 1)
            .set("name", text("a"))
            .count("version", 1)
            .remove("floor")
            .set_once("first", number(1))
            .delete_from("sensors", AttributeValue::Ss(vec!["s".to_owned()]))
            .only_if(If::Below("n#x".into(), 3))
            .only_if(If::Exists);
        let parts = write.into_parts();
        assert_eq!(
            parts.update.unwrap(),
            "SET #1 = :1, #4 = if_not_exists(#4, :3) REMOVE #3 ADD #0 :0, #2 :2 DELETE #5 :4"
        );
        assert_eq!(parts.condition.unwrap(), "(attribute_not_exists(#0) OR #0 < :5) AND attribute_exists(#6)");
        assert_eq!(parts.names.unwrap().len(), 7);
        assert_eq!(parts.values.unwrap()[":5"], number(3));
    }

    #[test]
    fn nothing_empty_is_sent() {
        let parts = Write::delete(key()).into_parts();
        assert!(parts.names.is_none() && parts.values.is_none() && parts.condition.is_none() && parts.update.is_none());
    }
}
