//! The resource that a run is about.

use std::borrow::Cow;
use std::mem::{MaybeUninit, size_of};

use conveyor_driver::host::ResourceParts;
use conveyor_driver::{Result, Run};

use crate::driver::check_size;
use crate::error::{conveyor_code, conveyor_error};
use crate::guard::{guarded, needed};
use crate::handle::{self, invalid};
use crate::run::{OpenRun, conveyor_run};
use crate::text::{conveyor_text, document, give, give_none};
use crate::view::conveyor_str;

/// The members of a resource. What the sender left out is empty.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct conveyor_resource {
    /// `sizeof(conveyor_resource)`, which the caller sets.
    pub struct_size: usize,
    /// The id made when the resource was created.
    pub id: conveyor_str,
    /// The name, unique for its type.
    pub name: conveyor_str,
    /// The pipeline that the resource starts.
    pub pipeline: conveyor_str,
    /// The type: the name of the resource definition.
    pub resource: conveyor_str,
    /// Facts beside the desired state, a JSON object; `{}` when there are none. `driverresults.<driver>` holds the
    /// result of an earlier step, as JSON text.
    pub metadata: conveyor_str,
    /// The desired state itself, as JSON; `null` when none was given.
    pub spec: conveyor_str,
}

/// A resource in parts, with the texts that are not lent from the payload.
#[derive(Debug)]
pub(crate) struct Parts {
    shown: conveyor_resource,
    _owned: Vec<Box<str>>,
}

// SAFETY: the views show texts that never change, of the run and of these parts, which live as long as that.
unsafe impl Send for Parts {}
// SAFETY: as above.
unsafe impl Sync for Parts {}

impl Parts {
    fn read(run: &Run) -> Result<Self> {
        let parts = ResourceParts::read(run.payload())?;
        let mut owned = Vec::new();
        let mut show = |text: Cow<'_, str>| match text {
            Cow::Borrowed("") => conveyor_str::EMPTY,
            Cow::Borrowed(text) => conveyor_str::of(text),
            Cow::Owned(text) => {
                let text = text.into_boxed_str();
                let view = conveyor_str::of(&text);
                owned.push(text);
                view
            }
        };
        let shown = conveyor_resource {
            struct_size: size_of::<conveyor_resource>(),
            id: show(parts.id),
            name: show(parts.name),
            pipeline: show(parts.pipeline),
            resource: show(parts.resource),
            metadata: show(parts.metadata),
            spec: show(parts.spec),
        };
        Ok(Self { shown, _owned: owned })
    }
}

/// Reads the resource: its texts, and the rest as JSON. Who wants a single value has it from `conveyor_run_get`.
///
/// The caller sets `struct_size`. The texts live until the run is completed. Where nothing in them is escaped they
/// stand within the run's payload.
///
/// `CONVEYOR_E_MESSAGE_INVALID` when it is nested deeper than 128. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_read_resource(
    run: conveyor_run,
    resource: *mut conveyor_resource,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        if resource.is_null() {
            return Err(invalid("resource", "is null"));
        }
        // SAFETY: every version of the structure begins with its size, which the caller has set.
        check_size("resource", unsafe { *resource.cast() }, size_of::<conveyor_resource>())?;
        let open = handle::get::<OpenRun>(run)?;
        let parts = match open.parts.get() {
            Some(parts) => parts,
            None => {
                let read = Parts::read(&open.run)?;
                open.parts.get_or_init(|| read)
            }
        };
        // SAFETY: the caller says with the size that such a structure is there, of this very size.
        unsafe { resource.write(parts.shown) };
        Ok(())
    })
}

/// The resource as JSON in its full form, whatever the sender left out: `id`, `name`, `resource`, `metadata`,
/// `spec`, and `pipeline` unless it is empty. The caller frees `*resource` with `conveyor_text_free`.
///
/// `CONVEYOR_E_MESSAGE_INVALID` when it is nested deeper than 128. Never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn conveyor_run_resource(
    run: conveyor_run,
    resource: Option<&mut MaybeUninit<conveyor_text>>,
    error: Option<&mut MaybeUninit<conveyor_error>>,
) -> conveyor_code {
    guarded(error, || {
        let mut out = Some(needed("resource", resource)?);
        give_none(out.as_deref_mut());
        let open = handle::get::<OpenRun>(run)?;
        let read = open.run.resource()?;
        give(out, || document(read));
        Ok(())
    })
}
