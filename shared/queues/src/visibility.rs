//! When a message that was received is seen again.

use crate::{QueueError, unavailable};
use aws_sdk_sqs::Client;
use std::time::Duration;

/// The longest time that a message may be hidden for: SQS's limit, 12 hours.
const LONGEST: Duration = Duration::from_hours(12);

/// Hides a message for this time from now on.
pub(crate) async fn show_again(client: &Client, url: &str, receipt: &str, after: Duration) -> Result<(), QueueError> {
    client
        .change_message_visibility()
        .queue_url(url)
        .receipt_handle(receipt)
        .visibility_timeout(whole_seconds(after, LONGEST))
        .send()
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// A time as SQS takes it: in whole seconds, rounded up, at most so many.
pub(crate) fn whole_seconds(time: Duration, most: Duration) -> i32 {
    let time = time.min(most);
    i32::try_from(time.as_secs() + u64::from(time.subsec_nanos() > 0)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_that_sqs_takes() {
        let most = Duration::from_mins(15);
        assert_eq!(whole_seconds(Duration::from_millis(4_100), most), 5);
        assert_eq!(whole_seconds(Duration::ZERO, most), 0);
        assert_eq!(whole_seconds(Duration::from_millis(899_001), most), 900);
        assert_eq!(whole_seconds(Duration::MAX, most), 900);
        assert_eq!(whole_seconds(Duration::MAX, LONGEST), 43_200);
    }
}
