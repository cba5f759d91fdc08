//! Handles: numbers that stand for the library's objects, so that a stale one is noticed.
//!
//! A number is never given out twice. It holds what kind of object it stands for, and how many forks ago it
//! was made.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conveyor_driver::{Error, ErrorCode, Result};

use crate::fork;

/// Any handle.
pub(crate) type Handle = u64;

/// What a handle stands for.
pub(crate) trait Object: Send + Sync + Sized + 'static {
    /// Its number in the handle.
    const KIND: u64;

    fn table() -> &'static Table<Self>;
}

/// The objects of one kind.
pub(crate) struct Table<T>(AtomicPtr<Shards<T>>);

struct Shards<T>([Mutex<Shard<T>>; SHARDS]);

type Shard<T> = HashMap<Handle, Arc<T>, BuildHasherDefault<Spread>>;

const SHARDS: usize = 16;
const KIND_SHIFT: u32 = 60;
const EPOCH_SHIFT: u32 = 56;

/// The name of each kind.
const KINDS: [&str; 9] =
    ["", "manager", "queue", "run", "error", "text", "stop", "stream", "client"];

impl<T: Object> Table<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Those of this process. A fork begins with none: the locks of its parent's may be held by threads
    /// that it has not.
    fn shards(&self) -> &'static Shards<T> {
        let mut shards = self.0.load(Ordering::Acquire);
        if shards.is_null() {
            let made = Box::into_raw(Box::new(Shards(Default::default())));
            match self.0.compare_exchange(shards, made, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => shards = made,
                Err(other) => {
                    // SAFETY: it was made above and nobody else has seen it.
                    drop(unsafe { Box::from_raw(made) });
                    shards = other;
                }
            }
        }
        // SAFETY: what stands in the table was made by `Box::into_raw` and is never freed.
        unsafe { &*shards }
    }

    fn shard(&self, handle: Handle) -> MutexGuard<'static, Shard<T>> {
        let shard = &self.shards().0[handle as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives an object a handle.
pub(crate) fn open<T: Object>(object: Arc<T>) -> Handle {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    fork::watch();
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let handle = T::KIND << KIND_SHIFT | fork::epoch() << EPOCH_SHIFT | count;
    T::table().shard(handle).insert(handle, object);
    handle
}

/// What a handle stands for.
///
/// # Errors
/// `ArgumentInvalid` for none and for one of another kind, `Forked` for one of the parent's, `Closed` for what
/// is no more.
pub(crate) fn get<T: Object>(handle: Handle) -> Result<Arc<T>> {
    check::<T>(handle)?;
    T::table().shard(handle).get(&handle).cloned().ok_or_else(gone::<T>)
}

/// The same, and nobody finds it any more.
pub(crate) fn close<T: Object>(handle: Handle) -> Result<Arc<T>> {
    check::<T>(handle)?;
    T::table().shard(handle).remove(&handle).ok_or_else(gone::<T>)
}

fn check<T: Object>(handle: Handle) -> Result<()> {
    let wanted = KINDS[T::KIND as usize];
    let kind = handle >> KIND_SHIFT;
    if kind != T::KIND {
        let reason = match KINDS.get(kind as usize) {
            Some(&"") if handle == 0 => "is 0: there is none".to_owned(),
            Some(other) if !other.is_empty() => format!("is the handle of a {other}"),
            _ => "is no handle".to_owned(),
        };
        return Err(invalid(wanted, reason));
    }
    if (handle >> EPOCH_SHIFT) & 0xf != fork::epoch() {
        fork::check()?;
    }
    Ok(())
}

fn gone<T: Object>() -> Error {
    let kind = KINDS[T::KIND as usize];
    Error::new(
        ErrorCode::Closed,
        format!("this {kind} is no more: it was freed or completed before"),
    )
}

/// An argument that cannot be taken.
pub(crate) fn invalid(argument: &str, reason: impl Into<String>) -> Error {
    let reason = reason.into();
    Error::new(ErrorCode::ArgumentInvalid, format!("{argument} {reason}"))
        .with_context(argument, reason)
}

/// In a fork: what is there belongs to the parent, and is left as it is.
pub(crate) fn leave_to_parent() {
    fn leave<T: Object>() {
        T::table().0.store(ptr::null_mut(), Ordering::Relaxed);
    }
    leave::<crate::manager::Manager>();
    leave::<crate::queue::Queue>();
    leave::<crate::run::OpenRun>();
    leave::<crate::error::Detail>();
    leave::<crate::text::Text>();
    leave::<crate::exec::Stop>();
    leave::<crate::embedded::Embedded>();
    leave::<crate::client::Client>();
}

/// Numbers that count up need little to be spread.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0 ^ number).wrapping_mul(GOLDEN).rotate_left(32);
    }
}

/// Makes a type the object of a kind.
macro_rules! object {
    ($type:ty = $kind:literal) => {
        impl $crate::handle::Object for $type {
            const KIND: u64 = $kind;

            fn table() -> &'static $crate::handle::Table<Self> {
                static TABLE: $crate::handle::Table<$type> = $crate::handle::Table::new();
                &TABLE
            }
        }
    };
}

pub(crate) use object;
