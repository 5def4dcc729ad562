//! Conditions in words, with the values that decide.

use super::{ConditionCode, is_of_no_place, is_report};
use crate::event::Event;
use crate::subscription::{Activity, DisabledReason, Send, Subscription};
use std::collections::BTreeSet;
use std::fmt::Display;

/// Items of a list that are told, at most.
const ITEMS_TOLD: usize = 10;

/// Why a condition holds, or does not.
pub(super) fn sentence(code: ConditionCode, holds: bool, subscription: &Subscription, event: &Event) -> String {
    match code {
        ConditionCode::Tenant if holds => "The event is of the subscription's tenant.".to_owned(),
        ConditionCode::Tenant => "The event is another tenant's.".to_owned(),
        ConditionCode::EventType if holds => format!("The subscription lists {}.", event.event_type),
        ConditionCode::EventType => format!(
            "The event is of the type {}; the subscription lists {}.",
            event.event_type,
            listed(&subscription.event_types)
        ),
        ConditionCode::AboutItself if holds => "The event is not about this subscription.".to_owned(),
        ConditionCode::AboutItself => "The event is about this very subscription; only others are told.".to_owned(),
        ConditionCode::Building => of_list("building", &subscription.building_ref_ids, event, event.building()),
        ConditionCode::Floor => {
            let floor = event.space().and_then(|space| space.floor_ref_id.as_ref());
            of_list("floor", &subscription.floor_ref_ids, event, floor)
        }
        ConditionCode::Space => {
            let space = event.space().map(|space| &space.space_ref_id);
            of_list("space", &subscription.space_ref_ids, event, space)
        }
        ConditionCode::OnChange => on_change(subscription, event).to_owned(),
        ConditionCode::Filter => filter(subscription, event),
        ConditionCode::Enabled => enabled(&subscription.activity),
    }
}

fn of_list<T: Display>(kind: &str, list: &BTreeSet<T>, event: &Event, there: Option<&T>) -> String {
    if list.is_empty() {
        return format!("The subscription lists no {kind}, so all are meant.");
    }
    match there {
        Some(id) => format!("The event is of the {kind} '{id}'; the subscription lists {}.", listed(list)),
        None if is_of_no_place(event) => {
            format!("The event is of no space, and the list of {kind}s is not about such events.")
        }
        None if event.sensor_group().is_some() => {
            format!("The group of sensors is of no {kind}; the subscription lists {}.", listed(list))
        }
        None => format!("The space of the event is on no {kind}; the subscription lists {}.", listed(list)),
    }
}

fn on_change(subscription: &Subscription, event: &Event) -> &'static str {
    match subscription.send {
        Send::Always => "send is always.",
        Send::OnChange if !is_report(event) => "send is on_change, which thins out space reports alone.",
        Send::OnChange if event.change.occupancy_changed => {
            "send is on_change, and the number of people or the signs of life changed."
        }
        Send::OnChange if event.change.first_of_hour => "send is on_change, and it is the first report of the hour.",
        Send::OnChange => {
            "send is on_change: neither people nor signs of life changed, and it is not the first report of the hour."
        }
    }
}

fn filter(subscription: &Subscription, event: &Event) -> String {
    let Some(filter) = &subscription.filter else { return "The subscription has no filter.".to_owned() };
    match filter.refusal(&event.data) {
        None => "The filter matches.".to_owned(),
        Some(why) => format!("The filter does not match: {why}."),
    }
}

fn enabled(activity: &Activity) -> String {
    match activity {
        Activity::Enabled { since } => format!("The subscription has been enabled since {since}."),
        Activity::Disabled { since, reason } => {
            let why = match reason {
                DisabledReason::ByRequest => "by request",
                DisabledReason::FailureRate { .. } => "since too many attempts failed",
                DisabledReason::Gone => "since its receiver answered 410 Gone",
            };
            format!("The subscription was disabled at {since}, {why}; what it wants is kept until it is enabled.")
        }
    }
}

fn listed<T: Display>(items: &BTreeSet<T>) -> String {
    let told: Vec<_> = items.iter().take(ITEMS_TOLD).map(|item| format!("'{item}'")).collect();
    let more = items.len().saturating_sub(ITEMS_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", told.join(", "))
}
