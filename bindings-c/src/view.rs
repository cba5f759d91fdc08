//! Text that somebody else owns.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};
use std::slice;

use conveyor_driver::options::from_document;
use conveyor_driver::{Error, ErrorCode, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::handle::invalid;

/// Text that somebody else owns: UTF-8, and no more than `len` bytes of it.
///
/// What is given to the library has to live for the length of the call. A `len` of `SIZE_MAX` means that a
/// zero byte ends the text; `conveyor_view` makes one of a C string. A null `ptr` is no text.
///
/// Unless told otherwise a zero byte does not end what the library gives: print it with
/// `printf("%.*s", (int)view.len, view.ptr)`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_str {
    /// The first byte.
    ptr: *const c_char,
    /// How many bytes.
    len: usize,
}

impl conveyor_str {
    /// Empty text that can be printed as a C string, too.
    pub(crate) const EMPTY: Self = Self { ptr: c"".as_ptr(), len: 0 };

    pub(crate) const fn of(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// The text, where there has to be one.
    pub(crate) fn text<'a>(self, name: &str) -> Result<&'a str> {
        self.optional(name)?.ok_or_else(|| invalid(name, "is null"))
    }

    /// The text, if there is one.
    pub(crate) fn optional<'a>(self, name: &str) -> Result<Option<&'a str>> {
        let bytes = self.bytes(name)?;
        bytes
            .map(std::str::from_utf8)
            .transpose()
            .map_err(|error| invalid(name, format!("is not UTF-8 at byte {}", error.valid_up_to())))
    }

    /// The same for what somebody else worded: what is not UTF-8 of it is U+FFFD.
    pub(crate) fn repaired<'a>(self, name: &str) -> Result<Option<Cow<'a, str>>> {
        Ok(self.bytes(name)?.map(String::from_utf8_lossy))
    }

    fn bytes<'a>(self, name: &str) -> Result<Option<&'a [u8]>> {
        if self.ptr.is_null() {
            return if self.len == 0 || self.len == usize::MAX {
                Ok(None)
            } else {
                Err(invalid(name, format!("is null and {} bytes long", self.len)))
            };
        }
        let bytes = if self.len == usize::MAX {
            // SAFETY: only C can make a view that is not the library's, and says that a zero ends it.
            unsafe { CStr::from_ptr(self.ptr) }.to_bytes()
        } else if isize::try_from(self.len).is_err() {
            return Err(invalid(name, format!("cannot be {} bytes long", self.len)));
        } else {
            // SAFETY: the caller says that so many bytes are there for the length of the call.
            unsafe { slice::from_raw_parts(self.ptr.cast(), self.len) }
        };
        Ok(Some(bytes))
    }

    /// JSON; `null` where there is none.
    pub(crate) fn json(self, name: &str) -> Result<Value> {
        let Some(text) = self.optional(name)? else { return Ok(Value::Null) };
        serde_json::from_str(text).map_err(|error| invalid(name, format!("is not JSON: {error}")))
    }

    /// Options; all defaults where there are none.
    pub(crate) fn options<T: DeserializeOwned>(self, name: &str) -> Result<T> {
        let text = self.optional(name)?.unwrap_or("{}");
        let document = serde_json::from_str(text).map_err(|error| {
            Error::new(ErrorCode::OptionsInvalid, format!("{name}: not JSON"))
                .with_context(name, error)
        })?;
        from_document(document)
    }
}
