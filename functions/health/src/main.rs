//! The health function.

mod metrics;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use spacehook_domain::failure_rate::FailurePolicy;
use spacehook_health::invocation::{Invocation, MailNews};
use spacehook_health::run::run;
use spacehook_health::settings::{Settings, parse_basis_points, parse_warning};
use spacehook_health::summary::Summary;
use spacehook_health::{AwsWorld, telling};
use spacehook_mail::Mailer;
use spacehook_queues::{EventQueue, WakeQueue};
use spacehook_runtime::metrics::Metrics;
use spacehook_runtime::{Environment, aws_config, init_logging};
use spacehook_store::Store;

/// A run begins nothing new in the last part of its time: what it is about, a mail say, may take that long.
const LAST_PART: SignedDuration = SignedDuration::from_secs(45);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    let log_level = environment.optional("LOG_LEVEL");
    init_logging(log_level.as_deref());
    let metrics = &Metrics::start(environment.required("STAGE"), "health", log_level.as_deref())?;
    let (world, settings) = &configured(environment).context("health can't start")?;

    lambda_runtime::run(service_fn(move |invocation: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context } = invocation;
        match Invocation::read(payload) {
            Invocation::Mail(news) => confirm(world, &news).await?,
            Invocation::Run => {
                let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
                let deadline = Timestamp::from_millisecond(deadline_ms).unwrap_or(Timestamp::MAX) - LAST_PART;
                // Boxed: laid out inside the runtime's own futures it is nested deeper than the compiler follows.
                let summary = Box::pin(run(world, settings, deadline)).await;
                log(&summary);
                let invocation =
                    spacehook_runtime::metrics::Invocation { request_id: &context.request_id, trace_id: None };
                metrics.emit(&metrics::measured(&summary), invocation);
            }
        }
        Ok::<_, Error>(())
    }))
    .await
}

/// Notes what SES says of a mail. That one came back breaks nothing; whoever reads the log may mend the address.
async fn confirm(world: &AwsWorld, news: &MailNews) -> Result<(), Error> {
    let Some(about) = &news.about else { return Ok(()) };
    let was_unknown = if news.is_sent() { telling::confirm(world, about).await? } else { false };
    let (tenant, subscription) = (&about.subscription.tenant, &about.subscription.id);
    let what = news.what.as_str();
    match what {
        "Send" | "Delivery" => tracing::info!(%tenant, %subscription, what, was_unknown, "a mail is on its way"),
        _ => tracing::warn!(%tenant, %subscription, what, "a mail about a subscription did not arrive"),
    }
    Ok(())
}

fn log(summary: &Summary) {
    tracing::info!(
        looked_at = summary.looked_at,
        disabled = summary.disabled,
        failing = summary.failing,
        recovered = summary.recovered,
        told = summary.told,
        mailed = summary.mailed,
        unmailed = summary.unmailed,
        silent = summary.silent,
        open_breakers = summary.open_breakers,
        waiting = summary.waiting,
        timers = summary.repairs.timers,
        jobs = summary.repairs.jobs,
        holds = summary.repairs.holds,
        pending = summary.repairs.pending,
        notices = summary.repairs.notices,
        faults = summary.faults,
        left = summary.left,
        "looked after the health of the system"
    );
}

fn configured<F: Fn(&str) -> Option<String>>(environment: Environment<F>) -> anyhow::Result<(AwsWorld, Settings)> {
    let aws = aws_config(&environment);
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let sender = environment.optional("MAIL_FROM");
    let usual = FailurePolicy::default();
    let threshold = usual.threshold_basis_points;
    let policy = FailurePolicy {
        threshold_basis_points: environment.parsed("FAILURE_RATE_THRESHOLD_PERCENT", threshold, parse_basis_points),
        window_hours: environment.parsed("FAILURE_WINDOW_HOURS", usual.window_hours, str::parse),
        minimum_attempts: environment.parsed("MINIMUM_ATTEMPTS", usual.minimum_attempts, str::parse),
        warning_basis_points: environment.parsed("WARNING_RATE_PERCENT", usual.warning_basis_points, parse_warning),
    };
    let settings = Settings {
        policy,
        sends_mail: sender.is_some(),
        mails_warnings: environment.parsed("WARNING_MAIL", false, str::parse),
        backlog_max_age_hours: environment.parsed("BACKLOG_MAX_AGE_HOURS", 72, str::parse),
    };
    let configuration_set = environment.optional("MAIL_CONFIGURATION_SET");
    let world = AwsWorld {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), environment.required("TABLE_NAME")),
        events: EventQueue::new(sqs.clone(), environment.required("EVENTS_QUEUE_URL")),
        wakes: WakeQueue::new(sqs, environment.required("RETRIES_QUEUE_URL")),
        mailer: sender.map(|sender| Mailer::from_config(&aws, sender, configuration_set)),
    };
    Ok(environment.finish((world, settings))?)
}
