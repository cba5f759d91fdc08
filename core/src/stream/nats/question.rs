//! A question to a consumer that may be under way while its pull goes on.

use std::future::pending;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::admin;
use super::session::Session;
use crate::error::Result;
use crate::stream::ConsumerInfo;

/// At most one question at a time. Waiting for the answer may be given up and taken up again.
#[derive(Default)]
pub(super) struct Question(Option<BoxFuture<'static, Result<Option<ConsumerInfo>>>>);

impl Question {
    pub(super) fn ask(&mut self, session: &Arc<Session>, stream: &str, consumer: &str) {
        if self.0.is_none() {
            let session = Arc::clone(session);
            let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
            self.0 =
                Some(Box::pin(async move { admin::consumer(&session, &stream, &consumer).await }));
        }
    }

    /// The answer; never when nothing was asked.
    pub(super) async fn answer(&mut self) -> Result<Option<ConsumerInfo>> {
        let Some(question) = &mut self.0 else { return pending().await };
        let answer = question.await;
        self.0 = None;
        answer
    }
}
