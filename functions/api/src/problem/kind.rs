//! Every kind of problem there is: its stable name, its status, and what it means.

use http::StatusCode;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The body is not what its content type says.
    MalformedRequest,
    /// A parameter of the path or the query is wrong.
    InvalidParameters,
    /// No key, or not one that is known.
    Unauthenticated,
    /// The key may not do this.
    ScopeMissing,
    /// Nothing there, or another tenant's.
    NotFound,
    /// The resource does not know this method.
    MethodNotAllowed,
    /// A name that must be unique is another's.
    NameTaken,
    /// What is to be deleted holds something.
    StillInUse,
    /// One more would be too many.
    LimitReached,
    /// Somebody else changed it at the same time.
    ChangedMeanwhile,
    /// The secret of the subscription is gone from the secret store, or can't be read there.
    CredentialsLost,
    /// `If-Match` names another revision.
    PreconditionFailed,
    /// More bytes than are read.
    BodyTooLarge,
    /// A content type that is not understood.
    UnsupportedMediaType,
    /// Fields of the body are wrong.
    InvalidFields,
    /// The guard refuses the receiver.
    ReceiverRefused,
    /// The event type is Spacehook's own.
    BuiltIn,
    /// The subscription is disabled.
    SubscriptionDisabled,
    /// A fault of Spacehook.
    Internal,
    /// Something needed is down, or busy.
    Unavailable,
    /// The caller's tenant is suspended.
    TenantSuspended,
    /// There is a tenant of this id.
    TenantExists,
    /// What is asked would lock its caller out.
    OwnTenant,
    /// More requests in a minute than the key may make.
    RateLimited,
    /// The same request is under way.
    IdempotencyInProgress,
    /// The idempotency key was another request's.
    IdempotencyConflict,
    /// The request was done; its answer was too large to be kept for repeats.
    IdempotencyAnswerNotKept,
}

struct Words {
    name: &'static str,
    status: StatusCode,
    title: &'static str,
    meaning: &'static str,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 27] = [
        Self::MalformedRequest,
        Self::InvalidParameters,
        Self::Unauthenticated,
        Self::ScopeMissing,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NameTaken,
        Self::StillInUse,
        Self::LimitReached,
        Self::ChangedMeanwhile,
        Self::CredentialsLost,
        Self::PreconditionFailed,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidFields,
        Self::ReceiverRefused,
        Self::BuiltIn,
        Self::SubscriptionDisabled,
        Self::Internal,
        Self::Unavailable,
        Self::TenantSuspended,
        Self::TenantExists,
        Self::OwnTenant,
        Self::RateLimited,
        Self::IdempotencyInProgress,
        Self::IdempotencyConflict,
        Self::IdempotencyAnswerNotKept,
    ];

    /// The stable `type` of the problem: a path of this API.
    pub fn uri(self) -> String {
        format!("/problems/{}", self.name())
    }

    /// The last part of [`Kind::uri`].
    pub fn name(self) -> &'static str {
        self.words().name
    }

    /// The HTTP status it comes with.
    pub fn status(self) -> StatusCode {
        self.words().status
    }

    /// It in a few words.
    pub fn title(self) -> &'static str {
        self.words().title
    }

    /// What it means, and what to do about it.
    pub fn meaning(self) -> &'static str {
        self.words().meaning
    }

    #[expect(clippy::too_many_lines, reason = "one table: a kind, and its words beside it")]
    fn words(self) -> Words {
        let words = |name, status, title, meaning| Words { name, status, title, meaning };
        match self {
            Self::MalformedRequest => words(
                "malformed-request",
                StatusCode::BAD_REQUEST,
                "The request can't be read",
                "The body is not what its content type says. `detail` says where reading it stopped.",
            ),
            Self::InvalidParameters => words(
                "invalid-parameters",
                StatusCode::BAD_REQUEST,
                "Parameters are not valid",
                "A parameter of the path or of the query is not valid; `errors` names each.",
            ),
            Self::Unauthenticated => words(
                "unauthenticated",
                StatusCode::UNAUTHORIZED,
                "No valid API key",
                "Send `Authorization: Bearer` and a key that exists.",
            ),
            Self::ScopeMissing => words(
                "scope-missing",
                StatusCode::FORBIDDEN,
                "The API key may not do this",
                "The key lacks the scope that `detail` names.",
            ),
            Self::NotFound => words(
                "not-found",
                StatusCode::NOT_FOUND,
                "Not found",
                "There is no such resource, or it belongs to another tenant.",
            ),
            Self::MethodNotAllowed => words(
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "The resource has no such method",
                "The header `Allow` lists the methods that the resource has.",
            ),
            Self::NameTaken => words(
                "name-taken",
                StatusCode::CONFLICT,
                "The name is taken",
                "Another subscription of the tenant has this name (upper and lower case count as the same), or another event \
                 type of it.",
            ),
            Self::StillInUse => words(
                "still-in-use",
                StatusCode::CONFLICT,
                "It still holds something",
                "Delete or move what is in it first; `detail` says what that is.",
            ),
            Self::LimitReached => words(
                "limit-reached",
                StatusCode::CONFLICT,
                "A limit is reached",
                "One more would be over the limit that `detail` names.",
            ),
            Self::ChangedMeanwhile => words(
                "changed-meanwhile",
                StatusCode::CONFLICT,
                "Changed by somebody else at the same time",
                "Read the resource again and repeat the change.",
            ),
            Self::PreconditionFailed => words(
                "precondition-failed",
                StatusCode::PRECONDITION_FAILED,
                "The resource has another revision",
                "`If-Match` names a revision that is not the present one. Read the resource and repeat the \
                 change.",
            ),
            Self::BodyTooLarge => words(
                "body-too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
                "`detail` names the limit.",
            ),
            Self::UnsupportedMediaType => words(
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The content type is not supported",
                "`detail` lists the content types that are.",
            ),
            Self::InvalidFields => words(
                "invalid-fields",
                StatusCode::UNPROCESSABLE_ENTITY,
                "Fields are not valid",
                "Fields of the body break a rule; `errors` has all of them, each with its place.",
            ),
            Self::CredentialsLost => words(
                "credentials-lost",
                StatusCode::CONFLICT,
                "The subscription's secret is lost",
                "The secret with the subscription's credentials and signing secret was deleted from Secrets Manager, \
                 or can't be read there, so a part of it can't be changed. Delete the subscription and create it anew: \
                 it then gets a new signing secret.",
            ),
            Self::ReceiverRefused => words(
                "receiver-refused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The receiver is refused by policy",
                "Webhooks may go to public HTTPS addresses only, unless the operator allows more. The error \
                 at the URL has the rule that refused in `rule`; other errors of the request are listed with \
                 it.",
            ),
            Self::BuiltIn => words(
                "built-in",
                StatusCode::CONFLICT,
                "The event type is Spacehook's own",
                "What the events of Spacehook's own types look like is fixed; register a type of another name.",
            ),
            Self::SubscriptionDisabled => words(
                "subscription-disabled",
                StatusCode::CONFLICT,
                "The subscription is disabled",
                "Nothing is sent to it until it is enabled.",
            ),
            Self::Internal => words(
                "internal",
                StatusCode::INTERNAL_SERVER_ERROR,
                "A fault of Spacehook",
                "It has been logged under the request's id.",
            ),
            Self::Unavailable => words(
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available now",
                "Something that the request needs is down or busy. Try again after the seconds in \
                 `Retry-After`.",
            ),
            Self::TenantSuspended => words(
                "tenant-suspended",
                StatusCode::FORBIDDEN,
                "The tenant is suspended",
                "The operator suspended the key's tenant; `detail` says since when, and why. Until it is resumed no events are \
                 made for it, and what waits for its receivers is kept.",
            ),
            Self::TenantExists => words(
                "tenant-exists",
                StatusCode::CONFLICT,
                "There is a tenant of this id",
                "Ids of tenants are not used again. Change the tenant that is there, or choose another id.",
            ),
            Self::OwnTenant => words(
                "own-tenant",
                StatusCode::CONFLICT,
                "It is the caller's own tenant",
                "Suspending it would refuse the very key that asks, and with it whoever could undo it.",
            ),
            Self::RateLimited => words(
                "rate-limited",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
                "The key has made as many requests in this minute as it may. Go on after the seconds in `Retry-After`; \
                 `ratelimit-limit`, `ratelimit-remaining` and `ratelimit-reset` of every answer say how it stands.",
            ),
            Self::IdempotencyInProgress => words(
                "idempotency-in-progress",
                StatusCode::CONFLICT,
                "The same request is under way",
                "A request with this `Idempotency-Key` came before and has not ended. Send it again after the seconds in \
                 `Retry-After`.",
            ),
            Self::IdempotencyConflict => words(
                "idempotency-conflict",
                StatusCode::CONFLICT,
                "The idempotency key was another request's",
                "In the last 24 hours this `Idempotency-Key` came with another path, query or body. Use a new key for a new \
                 request.",
            ),
            Self::IdempotencyAnswerNotKept => words(
                "idempotency-answer-not-kept",
                StatusCode::CONFLICT,
                "The request was done, and its answer is gone",
                "A request with this `Idempotency-Key` was done. Its answer was too large to be kept, or was kept for another \
                 first admin key. Read the resource instead of repeating the request.",
            ),
        }
    }
}
