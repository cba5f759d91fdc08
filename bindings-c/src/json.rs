//! JSON for programs that have no reader of their own.

use conveyor_driver::{Error, ErrorCode, Result};
use serde_json::Value;
use std::mem::MaybeUninit;

use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{Out, guarded, needed};
use crate::text::{conveyor_text, give, give_none};
use crate::view::conveyor_str;

/// Finds a value in a JSON text by its [pointer](https://www.rfc-editor.org/rfc/rfc6901), such as `/spec/command/0`;
/// an empty one is the whole.
///
/// `*value` becomes the value: text as it is, without quotes, anything else as JSON. The caller frees it with
/// `conveyor_text_free`.
///
/// `CONVEYOR_E_NOT_FOUND` when there is no such value, and 0 stands in `*value`; `CONVEYOR_E_ARGUMENT_INVALID`
/// when the text is not JSON. From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_json_get(
    json: conveyor_str,
    pointer: conveyor_str,
    value: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("value", value)?);
        give_none(out.as_deref_mut());
        give_found(json, pointer, out)
    })
}

/// Gives a value to the caller: text as it is, anything else as JSON.
pub(crate) fn give_found(
    json: conveyor_str,
    pointer: conveyor_str,
    out: Out<'_, conveyor_text>,
) -> Result<()> {
    let found = find(json, pointer)?;
    give(out, || match found {
        Value::String(text) => text,
        other => other.to_string(),
    });
    Ok(())
}

/// The same, with text in quotes: what can be put into another JSON text.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_json_get_raw(
    json: conveyor_str,
    pointer: conveyor_str,
    value: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("value", value)?);
        give_none(out.as_deref_mut());
        let found = find(json, pointer)?;
        give(out, || found.to_string());
        Ok(())
    })
}

/// Text as JSON has it: in quotes, and with whatever has to be escaped. The caller frees `*json` with
/// `conveyor_text_free`.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_json_quote(
    text: conveyor_str,
    json: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("json", json)?);
        give_none(out.as_deref_mut());
        let text = text.text("text")?;
        give(out, || Value::from(text).to_string());
        Ok(())
    })
}

fn find(json: conveyor_str, pointer: conveyor_str) -> Result<Value> {
    let pointer = pointer.text("pointer")?;
    let mut document = json.json("json")?;
    document.pointer_mut(pointer).map(Value::take).ok_or_else(|| {
        Error::new(ErrorCode::NotFound, "the JSON text has no such value")
            .with_context("pointer", pointer)
    })
}
