//! Calls of the Conveyor API.

use std::sync::Arc;

use conveyor_driver::options::ClientOptions;
use conveyor_driver::{Client, host};
use napi::bindgen_prelude::Function;
use napi_derive::napi;

use crate::commands::{count, number};
use crate::error::{Result, document, thrown};
use crate::options;
use crate::wake::Wake;

/// The calls of one client.
#[napi]
pub(crate) struct ApiCalls {
    calls: host::ApiCalls,
    wake: Arc<Wake<false>>,
}

/// A call that has ended: with an answer or an error, each as JSON text.
#[napi(object)]
pub(crate) struct EndedCall {
    /// Its number.
    pub number: f64,
    /// What it came to.
    pub answer: Option<String>,
    /// Why it came to nothing.
    pub error: Option<String>,
}

impl ApiCalls {
    pub(crate) fn of(client: Client) -> Result<Self> {
        let wake = Arc::new(Wake::default());
        let woken = Arc::clone(&wake);
        let calls = host::ApiCalls::waking(client, move || woken.wake()).map_err(thrown)?;
        Ok(Self { calls, wake })
    }
}

#[napi]
impl ApiCalls {
    /// Of a client with these options, which are JSON text.
    #[napi(constructor)]
    pub fn new(document: String) -> Result<Self> {
        let options: ClientOptions = options::read(&document)?;
        Self::of(Client::new(options).map_err(thrown)?)
    }

    /// Has this called when calls have ended, which keeps the event loop alive until `close`.
    #[napi]
    pub fn listen(&self, wake: Function<'_, (), ()>) -> Result<()> {
        self.wake.listen(&wake).map_err(|error| {
            thrown(conveyor_driver::Error::new(
                conveyor_driver::ErrorCode::Internal,
                format!("Node gives no way to be woken: {error}"),
            ))
        })
    }

    /// Calls nobody any more.
    #[napi]
    pub fn close(&self) {
        self.wake.close();
    }

    /// Starts a call with arguments as JSON text, and returns its number.
    #[napi]
    pub fn start(&self, operation: String, arguments: String) -> Result<f64> {
        // JSON.stringify wrote it.
        let arguments = serde_json::from_str(&arguments).unwrap_or_default();
        self.calls.start(&operation, arguments).map(number).map_err(thrown)
    }

    /// Takes all calls that have ended.
    #[napi]
    pub fn take(&self) -> Result<Vec<EndedCall>> {
        let ended = self.calls.take().map_err(thrown)?;
        let told = |(id, answer): (u64, host::Answer)| match answer {
            Ok(answer) => EndedCall { number: number(id), answer: Some(answer), error: None },
            Err(error) => {
                EndedCall { number: number(id), answer: None, error: Some(document(&error)) }
            }
        };
        Ok(ended.into_iter().map(told).collect())
    }

    /// Gives a call up.
    #[napi]
    pub fn cancel(&self, number: f64) {
        self.calls.cancel(count(number));
    }
}
