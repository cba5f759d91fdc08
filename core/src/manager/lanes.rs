//! Lanes: events of one resource pass one after the other.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Things that wait for others of the same key.
#[derive(Debug)]
pub(super) struct Lanes<K, T> {
    busy: HashMap<K, VecDeque<T>>,
}

impl<K: Hash + Eq, T> Lanes<K, T> {
    pub(super) fn new() -> Self {
        Self { busy: HashMap::new() }
    }

    /// The thing back when its lane is free, which is then taken; else it waits.
    pub(super) fn enter(&mut self, key: K, thing: T) -> Option<T> {
        match self.busy.get_mut(&key) {
            Some(waiting) => {
                waiting.push_back(thing);
                None
            }
            None => {
                self.busy.insert(key, VecDeque::new());
                Some(thing)
            }
        }
    }

    /// Frees a lane, or hands it to the next one that waits.
    pub(super) fn leave(&mut self, key: &K) -> Option<T> {
        let next = self.busy.get_mut(key)?.pop_front();
        if next.is_none() {
            self.busy.remove(key);
        }
        next
    }

    /// All that wait in one lane, in their order.
    pub(super) fn give_up_lane(&mut self, key: &K) -> VecDeque<T> {
        self.busy.get_mut(key).map(std::mem::take).unwrap_or_default()
    }

    /// Those that wait for nothing any more, out of any lane.
    pub(super) fn take_out(&mut self, is_done: impl Fn(&T) -> bool) -> Vec<T> {
        let mut done = Vec::new();
        for waiting in self.busy.values_mut().filter(|waiting| waiting.iter().any(&is_done)) {
            for thing in std::mem::take(waiting) {
                if is_done(&thing) {
                    done.push(thing);
                } else {
                    waiting.push_back(thing);
                }
            }
        }
        done
    }

    /// All that wait, in the order of their lanes.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = T> + '_ {
        self.busy.values_mut().flat_map(std::mem::take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_in_order_and_lanes_beside_each_other() {
        let mut lanes = Lanes::new();
        assert_eq!(lanes.enter("a", 1), Some(1));
        assert_eq!(lanes.enter("a", 2), None);
        assert_eq!(lanes.enter("b", 3), Some(3));
        assert_eq!(lanes.enter("a", 4), None);
        assert_eq!(lanes.leave(&"a"), Some(2));
        assert_eq!(lanes.leave(&"b"), None);
        assert_eq!(lanes.enter("b", 5), Some(5));
        assert_eq!(lanes.leave(&"a"), Some(4));
        assert_eq!(lanes.leave(&"a"), None);
        assert_eq!(lanes.enter("a", 6), Some(6));
    }

    #[test]
    fn those_that_wait_can_be_given_up() {
        let mut lanes = Lanes::new();
        lanes.enter("a", 1);
        lanes.enter("a", 2);
        lanes.enter("a", 3);
        assert_eq!(lanes.give_up().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(lanes.leave(&"a"), None);
    }

    #[test]
    fn those_of_one_lane_can_be_given_up_and_the_lane_stays_busy() {
        let mut lanes = Lanes::new();
        for (key, thing) in [("a", 1), ("a", 2), ("b", 3), ("b", 4)] {
            lanes.enter(key, thing);
        }
        assert_eq!(lanes.give_up_lane(&"a"), [2]);
        assert!(lanes.give_up_lane(&"c").is_empty());
        assert_eq!(lanes.enter("a", 5), None);
        assert_eq!(lanes.leave(&"b"), Some(4));
    }

    #[test]
    fn some_can_be_taken_out_and_the_others_keep_their_order() {
        let mut lanes = Lanes::new();
        for (key, thing) in [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 5), ("b", 6)] {
            lanes.enter(key, thing);
        }
        let mut even = lanes.take_out(|thing| thing % 2 == 0);
        even.sort_unstable();
        assert_eq!(even, [2, 4, 6]);
        assert_eq!(lanes.leave(&"a"), Some(3));
        assert_eq!(lanes.leave(&"a"), None);
        assert_eq!(lanes.enter("b", 7), None);
    }
}
