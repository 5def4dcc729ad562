//! A queue of a test's own, and answers that say that a message was not taken.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_sqs::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use std::sync::{Arc, Mutex};

/// Counts batches, and has their answers say that a message was not taken.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<Mutex<Faults>>);

#[derive(Debug, Default)]
struct Faults {
    batches: usize,
    refused: Option<(&'static str, u32)>,
    traces: Vec<String>,
}

/// The answer that a batch gets, if not the true one: it is sent all the same.
#[derive(Debug)]
struct Instead(Option<String>);

impl Storable for Instead {
    type Storer = StoreReplace<Self>;
}

impl Wire {
    /// Counts a batch; the answer that refuses a message of it, where that is wanted.
    fn batch(&self, request: &serde_json::Value) -> Option<String> {
        let mut faults = self.0.lock().unwrap();
        faults.batches += 1;
        let trace = |entry: &serde_json::Value| {
            entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"].as_str().map(str::to_owned)
        };
        faults.traces.extend(request["Entries"].as_array()?.iter().filter_map(trace));
        let ids: Vec<&str> = request["Entries"].as_array()?.iter().filter_map(|entry| entry["Id"].as_str()).collect();
        let (refused, times) = faults.refused.filter(|(id, times)| *times > 0 && ids.contains(id))?;
        faults.refused = Some((refused, times - 1));
        let taken = ids.into_iter().filter(|id| *id != refused);
        let taken: Vec<_> =
            taken.map(|id| serde_json::json!({"Id": id, "MessageId": id, "MD5OfMessageBody": ""})).collect();
        let failed = serde_json::json!(
            [{"Id": refused, "Code": "InternalError", "Message": "not today", "SenderFault": false}]
        );
        Some(serde_json::json!({"Successful": taken, "Failed": failed}).to_string())
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let is_batch =
            request.headers().get("x-amz-target").is_some_and(|target| target.ends_with(".SendMessageBatch"));
        let instead = if is_batch {
            self.batch(&serde_json::from_slice(request.body().bytes().unwrap_or_default())?)
        } else {
            None
        };
        bag.interceptor_state().store_put(Instead(instead));
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Instead(Some(body))) = bag.load::<Instead>() {
            *context.response_mut().body_mut() = body.clone().into();
        }
        Ok(())
    }
}

/// A message as it was received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: String,
    pub(crate) group: String,
    pub(crate) cause: String,
    pub(crate) receipt: String,
    /// The trace header that X-Ray reads.
    pub(crate) trace_header: String,
}

/// A queue of a test's own.
pub(crate) struct Queue {
    pub(crate) client: Client,
    pub(crate) url: String,
    wire: Wire,
}

impl Queue {
    /// Batches sent since this was last asked.
    pub(crate) fn sent(&self) -> usize {
        std::mem::take(&mut self.wire.0.lock().unwrap().batches)
    }

    /// The trace headers of what batches sent since this was last asked.
    pub(crate) fn traces(&self) -> Vec<String> {
        std::mem::take(&mut self.wire.0.lock().unwrap().traces)
    }

    /// Has so many answers say that the message of this id was not taken.
    pub(crate) fn refuse(&self, id: &'static str, times: u32) {
        let mut faults = self.wire.0.lock().unwrap();
        faults.refused = Some((id, times));
        faults.batches = 0;
    }

    /// So many messages, as they come; what a FIFO queue gave is deleted, so that its group goes on.
    pub(crate) async fn receive(&self, messages: usize) -> Vec<Received> {
        let mut received = Vec::new();
        for _ in 0..50 {
            received.extend(self.receive_for(1).await);
            if received.len() >= messages {
                break;
            }
        }
        assert_eq!(received.len(), messages);
        received
    }

    /// The messages that are there now.
    pub(crate) async fn receive_now(&self) -> Vec<Received> {
        self.receive_for(0).await
    }

    async fn receive_for(&self, seconds: i32) -> Vec<Received> {
        let request = self.client.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        let request = request.message_attribute_names("All").wait_time_seconds(seconds);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        let mut received = Vec::new();
        for message in messages {
            let group = message.attributes().and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId));
            let trace_header =
                message.attributes().and_then(|all| all.get(&MessageSystemAttributeName::AwsTraceHeader).cloned());
            let cause = message.message_attributes().and_then(|all| all.get("cause")?.string_value());
            let receipt = message.receipt_handle().unwrap_or_default().to_owned();
            if group.is_some() {
                self.client.delete_message().queue_url(&self.url).receipt_handle(&receipt).send().await.unwrap();
            }
            received.push(Received {
                body: message.body().unwrap_or_default().to_owned(),
                group: group.cloned().unwrap_or_default(),
                cause: cause.unwrap_or_default().to_owned(),
                receipt,
                trace_header: trace_header.unwrap_or_default(),
            });
        }
        received
    }
}

/// Runs a test on a queue of its own, or says why not.
pub(crate) async fn with_queue(name: &str, test: impl AsyncFnOnce(&Queue)) {
    let Ok(endpoint) = std::env::var("SPACEHOOK_TEST_SQS") else {
        #[allow(clippy::print_stderr, reason = "a skipped test has to say so")]
        {
            eprintln!("{name}: skipped, since SPACEHOOK_TEST_SQS is not set");
        }
        return;
    };
    let wire = Wire::default();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .interceptor(wire.clone())
        .build();
    let client = Client::from_conf(config);
    let request = client.create_queue().queue_name(format!("queues-{}-{name}", std::process::id()));
    let request = match name.strip_suffix(".fifo") {
        Some(_) => request
            .attributes(QueueAttributeName::FifoQueue, "true")
            .attributes(QueueAttributeName::DeduplicationScope, "messageGroup")
            .attributes(QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
        None => request,
    };
    let url = request.send().await.unwrap().queue_url.unwrap();
    let queue = Queue { client, url, wire };
    test(&queue).await;
    queue.client.delete_queue().queue_url(&queue.url).send().await.unwrap();
}
