//! The one call from the runtime to JavaScript.

use std::sync::{Mutex, PoisonError};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Result, Status};

/// Without arguments and without an answer. A strong one keeps the event loop alive, a weak one does
/// not.
type Call<const WEAK: bool> = ThreadsafeFunction<(), (), (), Status, false, WEAK>;

/// Wakes JavaScript while it listens. From any thread.
pub(crate) struct Wake<const WEAK: bool>(Mutex<Option<Call<WEAK>>>);

impl<const WEAK: bool> Default for Wake<WEAK> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<const WEAK: bool> Wake<WEAK> {
    /// Calls this function from now on.
    pub(crate) fn listen(&self, call: &Function<'_, (), ()>) -> Result<()> {
        let call = call.build_threadsafe_function().weak::<WEAK>().build()?;
        self.set(Some(call));
        Ok(())
    }

    /// Calls nobody any more.
    pub(crate) fn close(&self) {
        self.set(None);
    }

    fn set(&self, call: Option<Call<WEAK>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = call;
    }

    pub(crate) fn wake(&self) {
        if let Some(call) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // It is refused only where JavaScript has ended.
            let _refused = call.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}
