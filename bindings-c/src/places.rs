//! Where the caller wants several of something.

use std::mem::{MaybeUninit, size_of};

use conveyor_driver::Result;

use crate::guard::{Out, needed};
use crate::handle::invalid;

/// Where the caller wants a count, which is none so far.
pub(crate) fn counted<'a>(count: Out<'a, usize>) -> Result<&'a mut MaybeUninit<usize>> {
    let count = needed("count", count)?;
    count.write(0);
    Ok(count)
}

/// Where the caller wants so many of something.
pub(crate) fn places<'a, T>(
    name: &str,
    first: *mut T,
    room: usize,
) -> Result<&'a mut [MaybeUninit<T>]> {
    if room > isize::MAX as usize / size_of::<T>() {
        return Err(invalid("room", format!("is {room}: there cannot be so many {name}")));
    }
    if room == 0 {
        return Ok(&mut []);
    }
    if first.is_null() {
        return Err(invalid(name, "is null"));
    }
    // SAFETY: the caller says that there is room for so many.
    Ok(unsafe { std::slice::from_raw_parts_mut(first.cast(), room) })
}

pub(crate) fn fill<T>(places: &mut [MaybeUninit<T>], given: impl Iterator<Item = T>) -> usize {
    let mut count = 0;
    for (place, one) in places.iter_mut().zip(given) {
        place.write(one);
        count += 1;
    }
    count
}
