//! The health function.

use anyhow::Context as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use spacehook_domain::failure_rate::FailurePolicy;
use spacehook_health::{AwsWorld, disabling, gone};
use spacehook_mail::Mailer;
use spacehook_queues::WakeQueue;
use spacehook_runtime::{Environment, aws_config, init_logging};
use spacehook_store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    init_logging(environment.optional("LOG_LEVEL").as_deref());
    let (world, policy) = &configured(environment).context("health can't start")?;

    // Whatever the schedule sends: that it does is all that is needed.
    lambda_runtime::run(service_fn(move |_: LambdaEvent<IgnoredAny>| async move {
        // Boxed: laid out inside the runtime's own futures it is nested deeper than the compiler follows.
        let told = Box::pin(gone::run(world)).await;
        tracing::info!(
            mailed = told.mailed,
            untold = told.untold,
            faults = told.faults,
            "told whose receivers are gone"
        );
        let summary = Box::pin(disabling::run(world, *policy)).await?;
        tracing::info!(
            looked_at = summary.looked_at,
            disabled = summary.disabled,
            rearmed = summary.rearmed,
            mailed = summary.mailed,
            faults = summary.faults,
            "looked after failing subscriptions"
        );
        Ok::<_, Error>(())
    }))
    .await
}

fn configured<F: Fn(&str) -> Option<String>>(environment: Environment<F>) -> anyhow::Result<(AwsWorld, FailurePolicy)> {
    let aws = aws_config(&environment);
    let usual = FailurePolicy::default();
    let policy = FailurePolicy {
        threshold_basis_points: environment.parsed(
            "FAILURE_RATE_THRESHOLD_PERCENT",
            usual.threshold_basis_points,
            basis_points,
        ),
        window_hours: environment.parsed("FAILURE_WINDOW_HOURS", usual.window_hours, str::parse),
        minimum_attempts: environment.parsed("MINIMUM_ATTEMPTS", usual.minimum_attempts, str::parse),
    };
    let world = AwsWorld {
        store: Store::new(aws_sdk_dynamodb::Client::new(&aws), environment.required("TABLE_NAME")),
        wakes: WakeQueue::new(aws_sdk_sqs::Client::new(&aws), environment.required("RETRIES_QUEUE_URL")),
        mailer: environment.optional("MAIL_FROM").map(|sender| Mailer::new(aws_sdk_sesv2::Client::new(&aws), sender)),
    };
    Ok(environment.finish((world, policy))?)
}

/// A threshold in percent, such as `99` or `99.5`.
fn basis_points(text: &str) -> Result<u32, String> {
    let wrong = || format!("'{text}' is not a percentage from 0 to 100 with at most two decimals");
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let hundredths: u32 = match decimals.len() {
        0..=2 => format!("{decimals:0<2}").parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    if whole > 100 { Err(wrong()) } else { Ok((whole * 100 + hundredths).min(10_000)) }
}

#[cfg(test)]
mod tests {
    use super::basis_points;

    #[test]
    fn thresholds_are_percentages() {
        let table = [("99", Ok(9_900)), ("99.5", Ok(9_950)), ("99.05", Ok(9_905)), ("100", Ok(10_000)), ("0", Ok(0))];
        for (text, expected) in table {
            assert_eq!(basis_points(text), expected, "{text}");
        }
        for bad in ["", "101", "-1", "99.999", "many", "99.x"] {
            assert!(basis_points(bad).is_err(), "{bad}");
        }
    }
}
