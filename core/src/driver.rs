//! A driver: what it listens to, and the one function it is for.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::failure::Failure;
use crate::message::DriverResult;
use crate::options::DriverOptions;
use crate::run::Run;

pub(crate) type Reconciled = Result<DriverResult, Failure>;

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
    reconcile: Arc<dyn Fn(Run) -> BoxFuture<'static, Reconciled> + Send + Sync>,
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

    pub(crate) fn reconcile(&self, run: Run) -> BoxFuture<'static, Reconciled> {
        (self.reconcile)(run)
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
        Driver { options: self.options, reconcile: Arc::new(move |run| function(run).boxed()) }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("options", &self.options).finish_non_exhaustive()
    }
}
