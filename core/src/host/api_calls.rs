//! Calls of the API for hosts that have no tokio: by name, JSON in and JSON out.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::HomeProcess;
use super::client_runtime;
use super::descriptor::Descriptor;
use crate::client::{Client, LogStream, Operation};
use crate::error::{Error, ErrorCode, Result};

/// What a call came to: a JSON document.
pub type Answer = Result<String>;

/// The calls of one host. Clones are the same. Each call has a number, by which its host
/// [waits](Self::wait) for it, if it has threads, or finds it among what it [takes](Self::take), if it has
/// a loop. When the last clone is dropped the calls that are open are given up.
///
/// | operation | arguments | answer |
/// | --- | --- | --- |
/// | `resources.create`, `resources.update` | `resource` | what was created; the resource |
/// | `resources.get`, `resources.delete` | `type`, `name` | the resource; `null` |
/// | `resources.get_version` | `type`, `name`, `version` | the resource |
/// | `definitions.create`, `.apply`, `.update` | `definition` | the definition |
/// | `definitions.get`, `.delete` | `name` | the definition; `null` |
/// | `pipelines.create` | `pipeline` | the pipeline |
/// | `logs.query` | `run_id`, `driver`, `pipeline`, each if wanted | a list of lines |
/// | `logs.post` | `entry` | `null` |
/// | `logs.stream` | `run_id`, and `driver` if wanted | `{"stream": number}` |
/// | `logs.next` | `stream` | an event, or `null` at the end |
/// | `logs.close` | `stream` | `null` |
/// | `broadcasts.send` | `event`, `payload` as text, `run_id` if wanted | `null` |
#[derive(Clone)]
pub struct ApiCalls(Arc<Shared>);

struct Shared {
    client: Client,
    runtime: Handle,
    home: HomeProcess,
    call: Option<Box<dyn Fn() + Send + Sync>>,
    descriptor: Option<Descriptor>,
    ended: Condvar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    numbers: u64,
    open: HashMap<u64, AbortHandle>,
    ended: VecDeque<(u64, Answer)>,
    streams: HashMap<u64, Stream>,
}

#[derive(Clone)]
struct Stream {
    events: Arc<AsyncMutex<LogStream>>,
    closed: CancellationToken,
}

impl ApiCalls {
    /// For a host of threads that wait.
    ///
    /// # Errors
    /// `Internal` when the system gives no thread.
    pub fn new(client: Client) -> Result<Self> {
        Self::with(client, None, None)
    }

    /// For a host that is called when a call has ended and none had before that it has not taken. The call
    /// comes from a thread of the runtime and must return at once.
    ///
    /// # Errors
    /// `Internal` when the system gives no thread.
    pub fn waking(client: Client, call: impl Fn() + Send + Sync + 'static) -> Result<Self> {
        Self::with(client, Some(Box::new(call)), None)
    }

    /// For a host with an event loop that waits for the [descriptor](Self::wake_fd).
    ///
    /// # Errors
    /// `Internal` when the system gives no thread or no descriptor.
    pub fn with_descriptor(client: Client) -> Result<Self> {
        Self::with(client, None, Some(Descriptor::new()?))
    }

    fn with(
        client: Client,
        call: Option<Box<dyn Fn() + Send + Sync>>,
        descriptor: Option<Descriptor>,
    ) -> Result<Self> {
        Ok(Self(Arc::new(Shared {
            client,
            runtime: client_runtime::handle()?,
            home: HomeProcess::here(),
            call,
            descriptor,
            ended: Condvar::new(),
            state: Mutex::default(),
        })))
    }

    /// The descriptor of [`with_descriptor`](Self::with_descriptor): readable exactly while there are
    /// calls that ended and were not taken. The host only waits for it.
    #[must_use]
    pub fn wake_fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.descriptor.as_ref().map(AsFd::as_fd)
    }

    /// Starts a call, and returns its number.
    ///
    /// # Errors
    /// `ArgumentInvalid` with every fault of the arguments; nothing was started. `Forked` in a fork of the
    /// process that made this.
    pub fn start(&self, operation: &str, arguments: Value) -> Result<u64> {
        self.0.home.check()?;
        let operation = Operation::new(operation, arguments)?;
        let mut state = self.0.lock();
        state.numbers += 1;
        let number = state.numbers;
        let answer = self.0.answer(&mut state, operation, number);
        let shared = Arc::downgrade(&self.0);
        let task = self.0.runtime.spawn(async move {
            let answer = answer.await.map(|answer| answer.to_string());
            if let Some(shared) = shared.upgrade() {
                shared.end(number, answer);
            }
        });
        state.open.insert(number, task.abort_handle());
        Ok(number)
    }

    /// Waits for the end of a call, for so long at most, and takes its answer. For threads.
    ///
    /// # Errors
    /// `Closed` when there is no such call any more. `Forked` in a fork of the process that made this.
    pub fn wait(&self, number: u64, most: Duration) -> Result<Option<Answer>> {
        self.0.home.check()?;
        let waits = |state: &mut State| state.open.contains_key(&number);
        let waited = self.0.ended.wait_timeout_while(self.0.lock(), most, waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.open.contains_key(&number) {
            return Ok(None);
        }
        match state.ended.iter().position(|(ended, _)| *ended == number) {
            Some(place) => {
                let answer = state.ended.remove(place).map(|(_, answer)| answer);
                self.0.took(&state);
                Ok(answer)
            }
            None => Err(Error::new(ErrorCode::Closed, "there is no such call any more")
                .with_context("number", number)),
        }
    }

    /// Starts a call and waits for its answer, however long it takes.
    ///
    /// # Errors
    /// Those of the call, of [`start`](Self::start) and [`wait`](Self::wait).
    pub fn call(&self, operation: &str, arguments: Value) -> Answer {
        let number = self.start(operation, arguments)?;
        loop {
            if let Some(answer) = self.wait(number, Duration::from_secs(3_600))? {
                return answer;
            }
        }
    }

    /// Takes the answers of all calls that have ended. For loops.
    ///
    /// # Errors
    /// `Forked` in a fork of the process that made this.
    pub fn take(&self) -> Result<Vec<(u64, Answer)>> {
        self.take_of(usize::MAX)
    }

    /// The same for up to so many. When it gives fewer, none is left.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub fn take_of(&self, most: usize) -> Result<Vec<(u64, Answer)>> {
        self.0.home.check()?;
        let mut state = self.0.lock();
        let count = state.ended.len().min(most);
        let ended = state.ended.drain(..count).collect();
        self.0.took(&state);
        Ok(ended)
    }

    /// Gives a call up: nobody will ask for its answer. What was sent may be done all the same.
    pub fn cancel(&self, number: u64) {
        if self.0.home.check().is_err() {
            return;
        }
        let mut state = self.0.lock();
        if let Some(task) = state.open.remove(&number) {
            task.abort();
        }
        state.ended.retain(|(ended, _)| *ended != number);
        self.0.took(&state);
        drop(state);
        self.0.ended.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an operation does, started under the lock and ended without it.
    fn answer(
        &self,
        state: &mut State,
        operation: Operation,
        number: u64,
    ) -> impl Future<Output = Result<Value>> + Send + use<> {
        let client = self.client.clone();
        let work = match operation {
            Operation::Ask { request, read } => Work::Ask(request, read),
            Operation::OpenStream(filter) => match client.logs().stream(&filter) {
                Ok(events) => {
                    let events = Arc::new(AsyncMutex::new(events));
                    state
                        .streams
                        .insert(number, Stream { events, closed: CancellationToken::new() });
                    Work::Said(Ok(json!({ "stream": number })))
                }
                Err(error) => Work::Said(Err(error)),
            },
            Operation::NextEvent(stream) => match state.streams.get(&stream) {
                Some(stream) => Work::Next(stream.clone()),
                None => Work::Said(Err(Error::new(ErrorCode::Closed, "the log stream was closed"))),
            },
            Operation::CloseStream(stream) => {
                if let Some(stream) = state.streams.remove(&stream) {
                    stream.closed.cancel();
                }
                Work::Said(Ok(Value::Null))
            }
        };
        async move {
            match work {
                Work::Ask(request, read) => client.call(&request, read).await,
                Work::Next(Stream { events, closed }) => {
                    let next = async { events.lock().await.next().await };
                    let event = tokio::select! {
                        event = next => event,
                        () = closed.cancelled() => None,
                    };
                    Ok(json!(event.transpose()?))
                }
                Work::Said(said) => said,
            }
        }
    }

    fn end(&self, number: u64, answer: Answer) {
        let mut state = self.lock();
        if state.open.remove(&number).is_none() {
            return;
        }
        let first = state.ended.is_empty();
        state.ended.push_back((number, answer));
        if first && let Some(descriptor) = &self.descriptor {
            descriptor.set();
        }
        drop(state);
        self.ended.notify_all();
        if first && let Some(call) = &self.call {
            call();
        }
    }

    fn took(&self, state: &State) {
        if state.ended.is_empty()
            && let Some(descriptor) = &self.descriptor
        {
            descriptor.clear();
        }
    }
}

enum Work {
    Ask(crate::client::Request, fn(&crate::client::Reply) -> Result<Value>),
    Next(Stream),
    Said(Result<Value>),
}

impl Drop for Shared {
    fn drop(&mut self) {
        // In a fork the tasks are those of the parent.
        if self.home.is_here() {
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            state.open.values().for_each(AbortHandle::abort);
        }
    }
}

impl fmt::Debug for ApiCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCalls").field("client", &self.0.client).finish_non_exhaustive()
    }
}
