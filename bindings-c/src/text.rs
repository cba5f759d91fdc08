//! Text that the caller owns.

use std::sync::Arc;

use conveyor_driver::Result;
use serde::Serialize;

use crate::error::conveyor_code;
use crate::guard::{Out, guarded, or, put};
use crate::handle::{self, object};
use crate::view::conveyor_str;

/// Text that the library made and the caller owns, to be freed with `conveyor_text_free`. 0 is none.
pub type conveyor_text = u64;

/// UTF-8 with a zero byte behind it.
pub(crate) struct Text(Box<[u8]>);

object!(Text = 5);

impl Text {
    pub(crate) fn new(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self(bytes.into())
    }

    pub(crate) fn view(&self) -> conveyor_str {
        let text = &self.0[..self.0.len() - 1];
        std::str::from_utf8(text).map_or(conveyor_str::EMPTY, conveyor_str::of)
    }
}

/// Gives text to the caller, if it wants it.
pub(crate) fn give(out: Out<'_, conveyor_text>, text: impl FnOnce() -> String) {
    if let Some(out) = out {
        out.write(handle::open(Arc::new(Text::new(text()))));
    }
}

/// Says that there is none.
pub(crate) fn give_none(out: Out<'_, conveyor_text>) {
    put(out, 0);
}

/// A document as JSON text.
pub(crate) fn document(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The text. It lives until `conveyor_text_free`, and a zero byte ends it. Empty for what is no text any
/// more.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_text_view(text: conveyor_text) -> conveyor_str {
    or(conveyor_str::EMPTY, || handle::get::<Text>(text).ok().map(|text| text.view()))
}

/// Frees text; its views are void. 0 is allowed; `CONVEYOR_E_CLOSED` for what was freed before.
///
/// From any thread; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_text_free(text: conveyor_text) -> conveyor_code {
    guarded(None, || free::<Text>(text))
}

/// Frees what a handle stands for; nothing for none.
pub(crate) fn free<T: handle::Object>(handle: handle::Handle) -> Result<()> {
    if handle != 0 {
        handle::close::<T>(handle)?;
    }
    Ok(())
}
