//! A driver: what it listens to, and the one function it is for.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::error::{Error, ErrorCode, Result};
use crate::exec::{self, Command};
use crate::failure::Failure;
use crate::host::{self, RunQueue};
use crate::message::DriverResult;
use crate::options::DriverOptions;
use crate::run::Run;

pub(crate) type Reconciled = Result<DriverResult, Failure>;
pub(crate) type Function = Arc<dyn Fn(Run) -> BoxFuture<'static, Reconciled> + Send + Sync>;

/// A driver, ready to be given to a [`DriverManager`](crate::DriverManager).
///
/// ```
/// use conveyor_driver::{Driver, DriverResult};
///
/// let driver = Driver::new("greeter").resources(["greeting"]).reconcile(async |run| {
///     run.log("hello").await;
///     Ok(DriverResult::success("done"))
/// });
/// assert_eq!(driver.options().name, "greeter");
/// ```
#[derive(Clone)]
pub struct Driver {
    options: DriverOptions,
    host: Host,
}

/// Who does the work.
#[derive(Clone)]
enum Host {
    Function(Function),
    Queue(RunQueue),
}

/// A driver that lacks its reconcile function.
#[derive(Clone, Debug)]
#[must_use]
pub struct DriverBuilder {
    options: DriverOptions,
}

impl Driver {
    /// Starts a driver of this name.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(name: impl Into<String>) -> DriverBuilder {
        Self::with_options(DriverOptions { name: name.into(), ..DriverOptions::default() })
    }

    /// Starts a driver with these options.
    pub const fn with_options(options: DriverOptions) -> DriverBuilder {
        DriverBuilder { options }
    }

    /// The driver's options. They are checked when its manager starts.
    #[must_use]
    pub const fn options(&self) -> &DriverOptions {
        &self.options
    }

    /// Whether its function needs a tokio runtime of the caller's.
    pub(crate) const fn needs_runtime(&self) -> bool {
        matches!(self.host, Host::Function(_))
    }

    /// The queue that its host gave it.
    pub(crate) const fn queue_of_host(&self) -> Option<&RunQueue> {
        match &self.host {
            Host::Queue(queue) => Some(queue),
            Host::Function(_) => None,
        }
    }

    /// Where its runs go. Its function is served on this runtime.
    pub(crate) fn queue(&self, runtime: Option<&Handle>) -> Result<RunQueue> {
        match (&self.host, runtime) {
            (Host::Queue(queue), _) => Ok(queue.clone()),
            (Host::Function(function), Some(runtime)) => Ok(host::serve(runtime, function.clone())),
            (Host::Function(_), None) => {
                Err(Error::new(ErrorCode::Internal, "a closure needs a tokio runtime to run on"))
            }
        }
    }
}

impl DriverBuilder {
    /// The resource types it handles.
    pub fn resources<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.options.resources = types.into_iter().map(Into::into).collect();
        self
    }

    /// The broadcast events it wants; without this, all.
    pub fn events<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.options.events = names.into_iter().map(Into::into).collect();
        self
    }

    /// How many runs may be in flight at once in this process.
    pub const fn concurrency(mut self, runs: u32) -> Self {
        self.options.concurrency = runs;
        self
    }

    /// The function that does the work, called once for each run, on the runtime that the manager
    /// was started on. Its errors and panics become failed results.
    pub fn reconcile<F, Fut>(self, function: F) -> Driver
    where
        F: Fn(Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<DriverResult, Failure>> + Send + 'static,
    {
        let function: Function = Arc::new(move |run| function(run).boxed());
        Driver { options: self.options, host: Host::Function(function) }
    }

    /// Has a command do the work, started once for each run: see [`exec::reconcile`].
    #[must_use]
    pub fn command(self, command: Command) -> Driver {
        let command = Arc::new(command);
        self.reconcile(move |run| {
            let command = command.clone();
            async move { exec::reconcile(&run, &command).await }
        })
    }

    /// Has a [host](crate::host) do the work, which takes its runs from this queue.
    #[must_use]
    pub fn queue(self, queue: &RunQueue) -> Driver {
        Driver { options: self.options, host: Host::Queue(queue.clone()) }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("options", &self.options).finish_non_exhaustive()
    }
}
