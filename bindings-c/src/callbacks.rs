//! The user's functions.

use std::ffi::{c_int, c_void};

use crate::guard::calling;
use crate::handle::Handle;
use crate::run::conveyor_run;

/// A blocking reconcile; see `conveyor_driver`.
pub type conveyor_reconcile_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, run: conveyor_run) -> c_int>;

/// A reconcile that begins the work and ends it later; see `conveyor_driver`.
pub type conveyor_reconcile_async_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, run: conveyor_run)>;

/// Hears that a run should end early; see `conveyor_driver`.
pub type conveyor_cancelled_fn =
    Option<unsafe extern "C" fn(user_data: *mut c_void, run: conveyor_run)>;

/// Frees what belongs to a user's function.
pub type conveyor_free_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The functions of a driver, and what belongs to them. Whoever lets go of them last has that freed.
#[derive(Debug)]
pub(crate) struct Callbacks {
    pub(crate) reconcile: Reconcile,
    pub(crate) cancelled: conveyor_cancelled_fn,
    pub(crate) owned: UserData,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Reconcile {
    Blocking(unsafe extern "C" fn(*mut c_void, conveyor_run) -> c_int),
    Async(unsafe extern "C" fn(*mut c_void, conveyor_run)),
}

impl Callbacks {
    /// Has the run done. What a blocking function returned.
    pub(crate) fn reconcile(&self, caller: Handle, run: conveyor_run) -> Option<c_int> {
        let data = self.owned.data;
        calling(caller, || match self.reconcile {
            // SAFETY: the user gave the function to be called so.
            Reconcile::Blocking(function) => Some(unsafe { function(data, run) }),
            Reconcile::Async(function) => {
                // SAFETY: as above.
                unsafe { function(data, run) };
                None
            }
        })
    }

    /// Tells of a run that should end early, if anybody wants to know.
    pub(crate) fn cancelled(&self, caller: Handle, run: conveyor_run) {
        if let Some(function) = self.cancelled {
            // SAFETY: the user gave the function to be called so.
            calling(caller, || unsafe { function(self.owned.data, run) });
        }
    }
}

/// What belongs to a user's function.
#[derive(Debug)]
pub(crate) struct UserData {
    pub(crate) data: *mut c_void,
    free: conveyor_free_fn,
    caller: Handle,
}

impl UserData {
    pub(crate) const fn new(data: *mut c_void, free: conveyor_free_fn, caller: Handle) -> Self {
        Self { data, free, caller }
    }
}

// SAFETY: the interface says that it goes from thread to thread.
unsafe impl Send for UserData {}
// SAFETY: the interface says that several threads use it at once.
unsafe impl Sync for UserData {}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the user gave the function to be called so, and this is the end of the data.
            calling(self.caller, || unsafe { free(self.data) });
        }
    }
}
