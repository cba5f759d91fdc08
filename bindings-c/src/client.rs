//! Calls of the Conveyor API.

use std::mem::{MaybeUninit, size_of};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use conveyor_driver::Result;
use conveyor_driver::client::Client as ApiClient;
use conveyor_driver::host::{Answer, ApiCalls};
use conveyor_driver::options::ClientOptions;
use serde_json::{Value, json};

use crate::driver::check_size;
use crate::error::{self, CONVEYOR_OK, conveyor_code, conveyor_error};
use crate::guard::{guarded, needed, put};
use crate::handle::{self, invalid, object};
use crate::places::{counted, fill, places};
use crate::run::{OpenRun, conveyor_run};
use crate::signals::Masked;
use crate::text::{self, Text, conveyor_text, give, give_none};
use crate::time::milliseconds;
use crate::view::conveyor_str;

/// Asks the Conveyor API; see `conveyor_client_new`.
pub type conveyor_client = u64;

/// A call that was started; see `conveyor_client_start`.
pub type conveyor_call = u64;

pub(crate) struct Client(ApiCalls);

object!(Client = 8);

/// A call that has ended; see `conveyor_client_take`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_ended_call {
    /// The call.
    pub call: conveyor_call,
    /// 0, or why it came to nothing.
    pub code: conveyor_code,
    /// The answer as JSON, which the caller frees with `conveyor_text_free`; 0 when it came to nothing.
    pub answer: conveyor_text,
    /// More about the code, which the caller frees with `conveyor_error_free`; 0 when all is well.
    pub error: conveyor_error,
}

/// Makes a client of the Conveyor API. `options` is JSON, such as `{"url": "http://ci:8080"}`, or null; `options.schema.json`
/// describes them (`ClientOptions`). What they do not give is filled from the environment. It does not connect yet. The
/// caller frees it with `conveyor_client_free`.
///
/// With `with_descriptor` an event loop can wait until `conveyor_client_wake_fd` is readable, and takes the calls that have
/// ended with `conveyor_client_take`.
///
/// `CONVEYOR_E_OPTIONS_INVALID` names the path of each fault, also when nothing gives an address;
/// `CONVEYOR_E_TLS_FAILED` when a certificate or key cannot be used. From any thread, as are all functions about
/// clients; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_new(
    options: conveyor_str,
    with_descriptor: bool,
    client: Option<&mut MaybeUninit<conveyor_client>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("client", client)?;
        out.write(0);
        let options: ClientOptions = options.options("options")?;
        open(ApiClient::new(options)?, with_descriptor, out)
    })
}

/// A client with the options that the run's manager has for it (`client` in `ManagerOptions`), and with the same
/// connections for all of its runs. It may outlive the run. Otherwise as `conveyor_client_new`.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_client(
    run: conveyor_run,
    with_descriptor: bool,
    client: Option<&mut MaybeUninit<conveyor_client>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("client", client)?;
        out.write(0);
        open(handle::get::<OpenRun>(run)?.run.client()?, with_descriptor, out)
    })
}

fn open(
    client: ApiClient,
    with_descriptor: bool,
    out: &mut MaybeUninit<conveyor_client>,
) -> Result<()> {
    // The first one makes the thread that the calls of all run on.
    let _masked = Masked::all();
    let calls =
        if with_descriptor { ApiCalls::with_descriptor(client) } else { ApiCalls::new(client) };
    out.write(handle::open(Arc::new(Client(calls?))));
    Ok(())
}

/// Asks the API and blocks until it has answered, at most for `request_timeout_ms`. `arguments` is a JSON object, and
/// `*answer` becomes the answer as JSON, which the caller frees with `conveyor_text_free`.
///
///     resources.create, .update             {"resource": …}              what was created; the resource
///     resources.get, .delete                {"type", "name"}             the resource; null
///     resources.get_version                 {"type", "name", "version"}  the resource
///     definitions.create, .apply, .update   {"definition": …}            the definition
///     definitions.get, .delete              {"name"}                     the definition; null
///     pipelines.create                      {"pipeline": …}              the pipeline
///     logs.query                            {"run_id", "driver", "pipeline"}, each if wanted
///                                                                        a list of lines
///     logs.post                             {"entry": …}                 null
///     logs.stream                           {"run_id"}, and "driver" if wanted
///                                                                        {"stream": number}
///     logs.next                             {"stream"}                   an event, or null at the end
///     logs.close                            {"stream"}                   null
///     broadcasts.send                       {"event", "payload"}, and "run_id" if wanted
///                                                                        null
///
/// `messages.schema.json` describes the documents. `logs.next` blocks until there is an event.
///
/// `CONVEYOR_E_ARGUMENT_INVALID` names each fault of the arguments, and nothing was asked. `CONVEYOR_E_NOT_FOUND`,
/// `_CONFLICT`, `_API_REFUSED`, `_API_FAILED`, `_UNAUTHENTICATED`, `_PERMISSION_DENIED` are what the API says;
/// `CONVEYOR_E_UNAVAILABLE` and `_TIMED_OUT`, that it does not.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_call(
    client: conveyor_client,
    operation: conveyor_str,
    arguments: conveyor_str,
    answer: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut answer = answer;
        give_none(answer.as_deref_mut());
        let calls = handle::get::<Client>(client)?.0.clone();
        let told = calls.call(operation.text("operation")?, read(arguments)?)?;
        give(answer, || told);
        Ok(())
    })
}

/// Starts a call and does not wait for it. `*call` names it: for `conveyor_client_wait`, or among those that
/// `conveyor_client_take` gives. Otherwise as `conveyor_client_call`; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_start(
    client: conveyor_client,
    operation: conveyor_str,
    arguments: conveyor_str,
    call: Option<&mut MaybeUninit<conveyor_call>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("call", call)?;
        out.write(0);
        let calls = &handle::get::<Client>(client)?.0;
        out.write(calls.start(operation.text("operation")?, read(arguments)?)?);
        Ok(())
    })
}

fn read(arguments: conveyor_str) -> Result<Value> {
    match arguments.json("arguments")? {
        Value::Null => Ok(json!({})),
        arguments => Ok(arguments),
    }
}

/// Blocks until a call has ended, for `timeout_ms` milliseconds at most (negative: for ever). `*ended` (may be null)
/// says whether it has. If so, its answer is taken: it stands in `*answer` or is the failure of this call.
///
/// `CONVEYOR_E_CLOSED` when there is no such call any more: its answer was taken, or it was given up meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_wait(
    client: conveyor_client,
    call: conveyor_call,
    timeout_ms: i64,
    ended: Option<&mut MaybeUninit<bool>>,
    answer: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let (mut answer, mut ended) = (answer, ended);
        give_none(answer.as_deref_mut());
        put(ended.as_deref_mut(), false);
        let calls = handle::get::<Client>(client)?.0.clone();
        if let Some(told) = calls.wait(call, milliseconds(timeout_ms))? {
            put(ended, true);
            let told = told?;
            give(answer, || told);
        }
        Ok(())
    })
}

/// Takes up to `room` calls that have ended, and says in `*count` how many. When it gives fewer, none is left.
/// `call_size` is `sizeof(conveyor_ended_call)`. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_take(
    client: conveyor_client,
    calls: *mut conveyor_ended_call,
    call_size: usize,
    room: usize,
    count: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let count = counted(count)?;
        check_size("calls", call_size, size_of::<conveyor_ended_call>())?;
        let places = places("calls", calls, room)?;
        let client = handle::get::<Client>(client)?;
        let ended = client.0.take_of(places.len())?.into_iter();
        count.write(fill(places, ended.map(|(call, answer)| told(call, answer))));
        Ok(())
    })
}

fn told(call: conveyor_call, answer: Answer) -> conveyor_ended_call {
    match answer {
        Ok(answer) => {
            let answer = handle::open(Arc::new(Text::new(answer)));
            conveyor_ended_call { call, code: CONVEYOR_OK, answer, error: 0 }
        }
        Err(error) => {
            let code = error.code() as conveyor_code;
            conveyor_ended_call { call, code, answer: 0, error: error::open(&error) }
        }
    }
}

/// The descriptor that is readable exactly while there are ended calls to take. The library owns it: the caller only
/// waits for it, and never reads, writes or closes it; `conveyor_client_free` does. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_wake_fd(
    client: conveyor_client,
    fd: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let out = needed("fd", fd)?;
        out.write(-1);
        let client = handle::get::<Client>(client)?;
        let found = client
            .0
            .wake_fd()
            .ok_or_else(|| invalid("client", "has no descriptor: it was made without"))?;
        out.write(found.as_raw_fd());
        Ok(())
    })
}

/// Gives a call up: nobody will have its answer, and who waits for it gets `CONVEYOR_E_CLOSED`. What was sent may be
/// done all the same. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_cancel(
    client: conveyor_client,
    call: conveyor_call,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        handle::get::<Client>(client)?.0.cancel(call);
        Ok(())
    })
}

/// Frees a client, and gives up the calls that nobody waits for. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed
/// before. No thread may wait for its descriptor any more. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_client_free(client: conveyor_client) -> conveyor_code {
    guarded(None, || text::free::<Client>(client))
}
