//! What the numbers may be. Each limit stands once, in the table of its options: `check` holds the
//! options to it, and the contract tells it to every language.

use std::ops::RangeInclusive;

pub(super) const DAY_MS: u64 = 86_400_000;

/// A number among the options `T`, when it is given.
pub(crate) struct Number<T> {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&T) -> Option<u64>,
}

/// What one number may be.
pub(crate) struct Limit<T> {
    pub(crate) number: Number<T>,
    pub(crate) range: RangeInclusive<u64>,
    /// What it may not be less than, either.
    pub(crate) not_below: Option<Number<T>>,
}

impl<T> Limit<T> {
    /// What is wrong with the number, if anything.
    pub(super) fn fault(&self, options: &T) -> Option<String> {
        let value = (self.number.of)(options)?;
        let floor = self.not_below.as_ref().and_then(|other| (other.of)(options));
        let least = floor.unwrap_or(0).max(*self.range.start());
        let most = *self.range.end();
        (value < least || value > most)
            .then(|| format!("is {value}, must be from {least} to {most}"))
    }
}

/// What counts as a number in the tables.
pub(super) trait Numeric {
    fn number(self) -> Option<u64>;
}

impl Numeric for u32 {
    fn number(self) -> Option<u64> {
        Some(self.into())
    }
}

impl Numeric for u64 {
    fn number(self) -> Option<u64> {
        Some(self)
    }
}

impl<T: Numeric> Numeric for Option<T> {
    fn number(self) -> Option<u64> {
        self.and_then(T::number)
    }
}

/// The table of limits of one kind of options, as its constant `LIMITS`.
macro_rules! limits {
    ($options:ident { $($name:ident: $range:expr $(, not below $other:ident)?;)+ }) => {
        impl $options {
            pub(crate) const LIMITS: &'static [$crate::options::limits::Limit<Self>] =
                &[$($crate::options::limits::Limit {
                    number: limits!(@number $name),
                    range: $range,
                    not_below: limits!(@other $($other)?),
                },)+];
        }
    };
    (@number $name:ident) => {
        $crate::options::limits::Number {
            name: stringify!($name),
            of: |options| $crate::options::limits::Numeric::number(options.$name),
        }
    };
    (@other) => { None };
    (@other $name:ident) => { Some(limits!(@number $name)) };
}
pub(super) use limits;
