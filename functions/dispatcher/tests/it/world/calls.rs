//! What the dispatcher can ask of the world.

/// A call of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Call {
    Overview,
    Subscriptions,
    Subscription,
    Attempt,
    Standings,
    Backlog,
    Lanes,
    Waiting,
    Change,
    Purge,
    Wake,
    Share,
    Disable,
    Permits,
    Bury,
    ShowAgain,
    Record,
    Job,
    SaveJob,
    AdvanceJob,
    NextStep,
    KeptEvent,
    KeptEvents,
    OldestDead,
    WaitingAmong,
    Spaces,
}

impl Call {
    /// Calls that a subscription costs nothing of while its receiver accepts everything.
    pub(crate) const OF_TROUBLE: [Self; 13] = [
        Self::Subscription,
        Self::Standings,
        Self::Backlog,
        Self::Lanes,
        Self::Waiting,
        Self::Change,
        Self::Purge,
        Self::Wake,
        Self::Share,
        Self::Disable,
        Self::Permits,
        Self::Bury,
        Self::ShowAgain,
    ];
}
