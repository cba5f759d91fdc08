//! Failures a test has ordered.

use crate::subject;

/// How a publish fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It never arrives.
    Refused,
    /// It is stored, but nobody hears of it.
    ReceiptLost,
}

struct Order {
    pattern: String,
    fault: Fault,
    left: usize,
}

/// The failures to come, in the order they were asked for.
#[derive(Default)]
pub(super) struct FaultScript {
    publishes: Vec<Order>,
    settlements: usize,
}

impl FaultScript {
    pub(super) fn order(&mut self, pattern: &str, fault: Fault, times: usize) {
        self.publishes.push(Order { pattern: pattern.to_owned(), fault, left: times });
    }

    pub(super) fn order_settlements(&mut self, times: usize) {
        self.settlements += times;
    }

    /// The failure this publish is to meet.
    pub(super) fn publish(&mut self, subject: &str) -> Option<Fault> {
        self.publishes.retain(|order| order.left > 0);
        let mut orders = self.publishes.iter_mut();
        let order = orders.find(|order| subject::matches(&order.pattern, subject))?;
        order.left -= 1;
        Some(order.fault)
    }

    /// Whether this settlement is to be lost.
    pub(super) fn settlement(&mut self) -> bool {
        let lost = self.settlements > 0;
        self.settlements = self.settlements.saturating_sub(1);
        lost
    }
}
