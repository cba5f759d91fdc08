//! How text looks on a terminal.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{LineStyle, Table};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default().bold();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();

/// Text of others without what could steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// A table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::new('─', '─', '─', '─')));
    table.set_header(columns);
    table
}

/// A duration in two units at most: `420 ms`, `4.2 s`, `12 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.subsec_millis()),
        1..10 => format!("{}.{} s", seconds, duration.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(clean("a\x1b[31mb\x1b]0;title\x07c\td\r"), "abc\td\u{fffd}");
    }

    #[test]
    fn durations_are_short() {
        let short = |ms| short(Duration::from_millis(ms));
        assert_eq!([short(420), short(12_900), short(185_000)], ["420 ms", "12 s", "3 min 5 s"]);
        assert_eq!(short(7_800_000), "2 h 10 min");
    }
}
