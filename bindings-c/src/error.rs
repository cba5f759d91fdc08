//! Errors: a number, and if the caller wants it, an object that says more.

use std::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};

use conveyor_driver::{Error, ErrorCode};

use crate::guard::{guarded, or, put};
use crate::handle::{self, object};
use crate::text::{self, Text};
use crate::view::conveyor_str;

/// 0 (`CONVEYOR_OK`) or the number of an error, `CONVEYOR_E_…`. The numbers are the same in every language and
/// never change their meaning. Decide on them, never on texts.
pub type conveyor_code = i32;

/// What is to be known about an error. Functions that fail make one where their argument `error` points
/// to; the caller owns it and frees it with `conveyor_error_free`. They write 0 when all is well. The
/// argument may be null.
pub type conveyor_error = u64;

/// All is well.
pub const CONVEYOR_OK: conveyor_code = 0;

/// An error with the texts that views of it show.
pub(crate) struct Detail {
    code: ErrorCode,
    line: Text,
    document: Text,
    context: Vec<(Text, Text)>,
}

object!(Detail = 4);

pub(crate) fn open(error: &Error) -> conveyor_error {
    let text = |text: &String| Text::new(text.clone());
    handle::open(Arc::new(Detail {
        code: error.code(),
        line: Text::new(error.to_string()),
        document: Text::new(text::document(error)),
        context: error.context().iter().map(|(name, value)| (text(name), text(value))).collect(),
    }))
}

fn detail(error: conveyor_error) -> Option<Arc<Detail>> {
    handle::get::<Detail>(error).ok()
}

/// The error's code; 0 for what is no error.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_error_code(error: conveyor_error) -> conveyor_code {
    or(CONVEYOR_OK, || detail(error).map(|detail| detail.code as conveyor_code))
}

/// The error in one line: its code's name, what happened, the named facts and the causes. No secrets are in
/// it. It lives until `conveyor_error_free`, and a zero byte ends it.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_error_message(error: conveyor_error) -> conveyor_str {
    or(conveyor_str::EMPTY, || detail(error).map(|detail| detail.line.view()))
}

/// The error as a JSON document: `code`, `name`, `retryable`, `message`, `context` and `causes`; `host.schema.json`
/// describes it. It lives until `conveyor_error_free`, and a zero byte ends it.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_error_document(error: conveyor_error) -> conveyor_str {
    or(conveyor_str::EMPTY, || detail(error).map(|detail| detail.document.view()))
}

/// A named fact of the error, counted from 0. Of `CONVEYOR_E_OPTIONS_INVALID` each is the path of a faulty option
/// and what is wrong with it. False when there is none. The texts live until `conveyor_error_free`, and a
/// zero byte ends them; each may be left out with null.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_error_context(
    error: conveyor_error,
    index: usize,
    name: Option<&mut MaybeUninit<conveyor_str>>,
    value: Option<&mut MaybeUninit<conveyor_str>>,
) -> bool {
    or(false, || {
        let detail = detail(error)?;
        let fact = detail.context.get(index)?;
        put(name, fact.0.view());
        put(value, fact.1.view());
        Some(true)
    })
}

/// Frees an error; its texts are void. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed before.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_error_free(error: conveyor_error) -> conveyor_code {
    guarded(None, || text::free::<Detail>(error))
}

/// The name of a code, such as `OptionsInvalid`; empty for a number that is none. It lives for ever, and a zero
/// byte ends it.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_code_name(code: conveyor_code) -> conveyor_str {
    static NAMES: OnceLock<Vec<(conveyor_code, Text)>> = OnceLock::new();
    or(conveyor_str::EMPTY, || {
        let names = NAMES.get_or_init(|| {
            let name = |known: &ErrorCode| (*known as conveyor_code, known.name().to_owned());
            let named = ErrorCode::ALL.iter().map(name);
            let named = named.chain([(CONVEYOR_OK, "Ok".to_owned())]);
            named.map(|(number, name)| (number, Text::new(name))).collect()
        });
        names.iter().find(|(number, _)| *number == code).map(|(_, name)| name.view())
    })
}

/// Whether the same call may succeed later without any change by the caller.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_code_retryable(code: conveyor_code) -> bool {
    known(code).is_some_and(ErrorCode::retryable)
}

fn known(code: conveyor_code) -> Option<ErrorCode> {
    ErrorCode::ALL.iter().copied().find(|known| *known as conveyor_code == code)
}
