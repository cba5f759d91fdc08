//! The error table only grows: whoever has a number of it must be able to rely on it.

use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    number: u32,
    name: String,
}

/// Why the kept table may not give way to the generated one, if it may not.
pub(crate) fn objection(kept: &str, generated: &str) -> Option<String> {
    let Ok(kept) = serde_json::from_str::<Vec<Row>>(kept) else {
        return Some("it is not a table of errors any more; restore it".to_owned());
    };
    let generated: Vec<Row> = serde_json::from_str(generated).unwrap();
    let at = |number| generated.iter().find(|row| row.number == number);
    for Row { number, name } in &kept {
        match at(*number) {
            None => return Some(format!("code {number}, {name}, must not be removed")),
            Some(row) if row.name != *name => {
                return Some(format!("code {number} is {name} and must not become {}", row.name));
            }
            Some(_) => {}
        }
    }
    let highest = kept.iter().map(|row| row.number).max().unwrap_or(0);
    let known = |number| kept.iter().any(|row| row.number == number);
    let reused = generated.iter().find(|row| row.number < highest && !known(row.number));
    reused.map(|row| format!("code {} must have a number above {highest}", row.name))
}

const KEPT: &str = r#"[{"number": 1, "name": "A"}, {"number": 4, "name": "B", "doc": "old"}]"#;

#[test]
fn a_table_may_grow_and_its_texts_may_change() {
    for generated in [
        KEPT,
        r#"[{"number": 1, "name": "A"}, {"number": 4, "name": "B", "doc": "new"}]"#,
        r#"[{"number": 1, "name": "A"}, {"number": 4, "name": "B"}, {"number": 5, "name": "C"}]"#,
    ] {
        assert_eq!(objection(KEPT, generated), None, "{generated}");
    }
}

#[test]
fn no_code_is_removed_renumbered_or_renamed_and_no_gap_filled() {
    for generated in [
        r#"[{"number": 1, "name": "A"}]"#,
        r#"[{"number": 1, "name": "A"}, {"number": 5, "name": "B"}]"#,
        r#"[{"number": 1, "name": "A"}, {"number": 4, "name": "C"}]"#,
        r#"[{"number": 1, "name": "A"}, {"number": 3, "name": "C"}, {"number": 4, "name": "B"}]"#,
    ] {
        assert!(objection(KEPT, generated).is_some(), "{generated}");
    }
    assert!(objection("<<<<<<< ours", KEPT).is_some());
}
