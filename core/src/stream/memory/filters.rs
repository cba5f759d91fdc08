//! The filters of a consumer; none means all.

use crate::subject;

/// Whether some subject could match both.
pub(super) fn overlap(one: &[String], other: &[String]) -> bool {
    one.is_empty()
        || other.is_empty()
        || one.iter().any(|a| other.iter().any(|b| subject::overlap(a, b)))
}

/// Whether two of them overlap among themselves.
pub(super) fn overlap_within(filters: &[String]) -> bool {
    let mut rest = filters;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| subject::overlap(first, other)) {
            return true;
        }
        rest = others;
    }
    false
}
