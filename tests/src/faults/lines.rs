//! Stored log lines, put together again run by run.

use std::collections::HashMap;

use super::history::StoredLine;

/// The lines of all runs, each run's in the order of their stamps.
#[derive(Debug)]
pub(super) struct Logs<'a>(HashMap<&'a str, Vec<Numbered<'a>>>);

/// A line that a reconcile numbered, its pieces put together.
#[derive(Clone, Debug)]
struct Numbered<'a> {
    mark: &'a str,
    number: usize,
    of: usize,
    filling: usize,
    found: usize,
    timestamp: &'a str,
    /// Whether a later line has an earlier or equal stamp.
    tie: bool,
}

impl<'a> Logs<'a> {
    pub(super) fn read(lines: &'a [StoredLine]) -> Self {
        let mut by_run: HashMap<&str, Vec<&StoredLine>> = HashMap::new();
        for line in lines {
            by_run.entry(&line.run).or_default().push(line);
        }
        Self(by_run.into_iter().map(|(run, lines)| (run, numbered(lines))).collect())
    }

    /// How many lines of a reconcile are missing, and how many are not where they belong.
    pub(super) fn verdict(&self, run: &str, mark: &str) -> (usize, usize) {
        let lines = self.lines(run, mark);
        let Some(of) = lines.first().map(|line| line.of) else { return (1, 0) };
        let whole =
            |number| lines.iter().any(|line| line.number == number && line.found == line.filling);
        let lost = (1..=of).filter(|number| !whole(*number)).count();
        let in_order = lines.windows(2).filter(|two| two[0].number < two[1].number && !two[0].tie);
        (lost, lines.len().saturating_sub(1) - in_order.count())
    }

    pub(super) fn describe(&self, run: &str, mark: &str) -> String {
        let lines = self.lines(run, mark);
        let each = lines
            .iter()
            .map(|line| format!("{}/{} {} {}", line.number, line.of, line.found, line.timestamp));
        each.collect::<Vec<_>>().join(", ")
    }

    fn lines(&self, run: &str, mark: &str) -> Vec<&Numbered<'a>> {
        let lines = self.0.get(run).map_or(&[][..], Vec::as_slice);
        lines.iter().filter(|line| line.mark == mark).collect()
    }
}

fn numbered(mut lines: Vec<&StoredLine>) -> Vec<Numbered<'_>> {
    lines.sort_by(|one, other| one.timestamp.cmp(&other.timestamp));
    let mut found: Vec<Numbered<'_>> = Vec::new();
    for line in lines {
        if let Some(mut next) = head(&line.message) {
            next.timestamp = &line.timestamp;
            if let Some(before) = found.iter_mut().rev().find(|before| before.mark == next.mark) {
                before.tie = before.timestamp == next.timestamp;
            }
            found.push(next);
        } else if line.message.bytes().all(|byte| byte == b'x')
            && let Some(last) = found.last_mut()
        {
            last.found += line.message.len();
        }
    }
    found
}

/// Reads the form of [`text`](super::history::text).
fn head(text: &str) -> Option<Numbered<'_>> {
    let mut words = text.strip_prefix('~')?.splitn(4, ' ');
    let mark = words.next()?;
    let (number, of) = words.next()?.split_once('/')?;
    let filling = words.next()?.parse().ok()?;
    Some(Numbered {
        mark,
        number: number.parse().ok()?,
        of: of.parse().ok()?,
        filling,
        found: words.next()?.len(),
        timestamp: "",
        tie: false,
    })
}
