//! What a program takes from a queue.

use std::mem::{MaybeUninit, size_of};
use std::sync::Arc;

use conveyor_driver::host::HandedRun;

use crate::driver::check_size;
use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{guarded, put};
use crate::handle;
use crate::places::{counted, fill, places};
use crate::queue::{CONVEYOR_STATE_UNCHANGED, Queue, conveyor_queue, conveyor_state, state_number};
use crate::run::{OpenRun, conveyor_run};
use crate::view::conveyor_str;

/// Takes up to `room` runs, the oldest first, and says in `*count` how many. When it gives fewer, none is left, and the
/// next one wakes. The program owns each until it completes it. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_take(
    queue: conveyor_queue,
    runs: *mut conveyor_run,
    room: usize,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let count = counted(count)?;
        let places = places("runs", runs, room)?;
        let queue = handle::get::<Queue>(queue)?;
        let taken = queue.core().take(places.len()).into_iter();
        count.write(fill(places, taken.map(|handed| OpenRun::open(handed, &queue))));
        Ok(())
    })
}

/// What a run is about, all at once. The texts live until it is completed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_run_info {
    /// The run, as `conveyor_queue_take` gives it.
    pub run: conveyor_run,
    /// See `conveyor_run_id`.
    pub id: conveyor_str,
    /// See `conveyor_run_event`.
    pub event: conveyor_str,
    /// See `conveyor_run_driver`.
    pub driver: conveyor_str,
    /// See `conveyor_run_payload`.
    pub payload: conveyor_str,
    /// See `conveyor_run_attempt`.
    pub attempt: u32,
}

/// The same, with what each run is about: one call where there would be six. `info_size` is
/// `sizeof(conveyor_run_info)`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_take_info(
    queue: conveyor_queue,
    infos: *mut conveyor_run_info,
    info_size: usize,
    room: usize,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let count = counted(count)?;
        check_size("infos", info_size, size_of::<conveyor_run_info>())?;
        let places = places("infos", infos, room)?;
        let queue = handle::get::<Queue>(queue)?;
        let taken = queue.core().take(places.len()).into_iter();
        count.write(fill(places, taken.map(|handed| info(handed, &queue))));
        Ok(())
    })
}

/// Takes up to `room` runs that the program has and that should end early, each once, and says in `*count` how many.
/// When it gives fewer, none is left. Those that were completed meanwhile are not among them. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_take_cancelled(
    queue: conveyor_queue,
    runs: *mut conveyor_run,
    room: usize,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let count = counted(count)?;
        let places = places("runs", runs, room)?;
        let queue = handle::get::<Queue>(queue)?;
        let mut written = 0;
        while written < places.len() {
            let notices = queue.core().take_cancelled_of(places.len() - written);
            if notices.is_empty() {
                break;
            }
            let runs = notices.iter().filter_map(|notice| queue.run(notice.key));
            written += fill(&mut places[written..], runs);
        }
        count.write(written);
        Ok(())
    })
}

/// Takes up to `room` tickets whose lines have room now, in the order of their calls for each run, and says in `*count`
/// how many. When it gives fewer, none is left. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_take_accepted(
    queue: conveyor_queue,
    tickets: *mut u64,
    room: usize,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let count = counted(count)?;
        let places = places("tickets", tickets, room)?;
        let queue = handle::get::<Queue>(queue)?;
        let tickets = queue.core().take_accepted_of(places.len());
        count.write(fill(places, tickets.into_iter().map(|ticket| ticket.to_u64())));
        Ok(())
    })
}

/// How far the manager of the queue's drivers is, when that has changed since it was last asked here; else
/// `CONVEYOR_STATE_UNCHANGED`. Takes the notice that the queue was closed, too. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_queue_take_state(
    queue: conveyor_queue,
    state: Option<&mut MaybeUninit<conveyor_state>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut state = state;
        put(state.as_deref_mut(), CONVEYOR_STATE_UNCHANGED);
        let queue = handle::get::<Queue>(queue)?;
        if let Some(now) = queue.core().take_state() {
            put(state, state_number(now)?);
        }
        Ok(())
    })
}

fn info(handed: HandedRun, queue: &Arc<Queue>) -> conveyor_run_info {
    // The texts outlive this reference: the table keeps the run until it is completed.
    let run = handed.run().clone();
    conveyor_run_info {
        run: OpenRun::open(handed, queue),
        id: conveyor_str::of(run.id().as_str()),
        event: conveyor_str::of(run.event()),
        driver: conveyor_str::of(run.driver()),
        payload: conveyor_str::of(run.payload()),
        attempt: run.attempt(),
    }
}
