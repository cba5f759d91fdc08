//! Ids that make a repeated publish harmless: the same for every delivery of one stored message, and
//! no other's.
//!
//! The message's number alone comes again when its stream is made anew, and the sender's own id may be
//! missing or used twice; together with a digest of what the message says they name it for good.

use std::fmt::Write;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::message::DriverMessage;
use crate::stream::Delivery;

pub(super) fn of_result(driver: &str, message: &DriverMessage, sequence: u64) -> String {
    let mut says = SipHasher13::new();
    says.write(message.run_id.as_str().as_bytes());
    says.write_u8(0);
    says.write(message.id.as_bytes());
    const DIGITS_AND_DOTS: usize = 20 + 32 + 2;
    let mut id = String::with_capacity(driver.len() + DIGITS_AND_DOTS);
    // Writing into a String cannot fail.
    let _written = write!(id, "{driver}.{sequence}.{:032x}", says.finish128().as_u128());
    id
}

pub(super) fn of_dead_letter(driver: &str, delivery: &Delivery, part: &str) -> String {
    let says = SipHasher13::new().hash(&delivery.payload).as_u128();
    format!("{driver}.{}.{says:032x}.{part}", delivery.sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Resource;

    fn message(id: &str, run: &str) -> DriverMessage {
        DriverMessage::new("create", &Resource::default(), id, run.into())
    }

    #[test]
    fn an_id_is_one_messages_and_can_be_a_header() {
        let id = of_result("git", &message("line\nbreak", "run"), 7);
        assert!(id.starts_with("git.7.") && id.bytes().all(|b| b.is_ascii_graphic()));
        assert_eq!(id, of_result("git", &message("line\nbreak", "run"), 7));
        assert_ne!(id, of_result("git", &message("line\nbreak", "run"), 8));
        assert_ne!(id, of_result("git", &message("line\nbreak", "other"), 7));
        assert_ne!(id, of_result("git", &message("", "run"), 7));
    }
}
