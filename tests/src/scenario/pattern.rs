//! Documents with holes: compared member by member, with a matcher where a value cannot be known.

use serde_json::Value;

/// The matchers: an object with one of these as its only member.
const MATCHERS: [&str; 5] = ["$any", "$has", "$json", "$maybe", "$repeat"];

/// A matcher and its argument.
fn matcher(pattern: &Value) -> Option<(&str, &Value)> {
    let members = pattern.as_object().filter(|members| members.len() == 1)?;
    let (name, argument) = members.iter().next()?;
    name.starts_with('$').then_some((name.as_str(), argument))
}

/// Makes sure that every matcher in a pattern is one.
pub(super) fn check(pattern: &Value) -> Result<(), String> {
    if let Some((name, argument)) = matcher(pattern) {
        let known = match name {
            "$any" => argument.as_str().is_some_and(|kind| KINDS.contains(&kind)),
            "$has" => argument.is_string(),
            "$json" | "$maybe" => return check(argument),
            "$repeat" => argument[0].is_string() && argument[1].is_u64(),
            _ => false,
        };
        let fault = || format!("no matcher: {pattern}; there are {}", MATCHERS.join(", "));
        return known.then_some(()).ok_or_else(fault);
    }
    match pattern {
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(members) => members.values().try_for_each(check),
        _ => Ok(()),
    }
}

const KINDS: [&str; 7] = ["anything", "null", "bool", "number", "string", "array", "object"];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Adds every difference between what a pattern wants and what there is.
pub(super) fn compare(at: &str, wanted: &Value, is: &Value, differences: &mut Vec<String>) {
    if let Some((name, argument)) = matcher(wanted) {
        if !matches(at, name, argument, is, differences) {
            differences.push(format!("{at}: wanted {}, is {}", short(wanted), short(is)));
        }
        return;
    }
    match (wanted, is) {
        (Value::Object(wanted), Value::Object(is)) => {
            for (name, pattern) in wanted {
                match is.get(name) {
                    Some(value) => compare(&format!("{at}.{name}"), pattern, value, differences),
                    None if matcher(pattern).is_some_and(|(name, _)| name == "$maybe") => {}
                    None => differences.push(format!("{at}.{name}: is missing")),
                }
            }
            for (name, value) in is.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
                differences.push(format!("{at}.{name}: not wanted, is {}", short(value)));
            }
        }
        (Value::Array(wanted), Value::Array(is)) => {
            for (i, (pattern, value)) in wanted.iter().zip(is).enumerate() {
                compare(&format!("{at}[{i}]"), pattern, value, differences);
            }
            for (i, pattern) in wanted.iter().enumerate().skip(is.len()) {
                differences.push(format!("{at}[{i}]: is missing, wanted {}", short(pattern)));
            }
            for (i, value) in is.iter().enumerate().skip(wanted.len()) {
                differences.push(format!("{at}[{i}]: not wanted, is {}", short(value)));
            }
        }
        (wanted, is) if wanted == is => {}
        (wanted, is) => {
            differences.push(format!("{at}: wanted {}, is {}", short(wanted), short(is)));
        }
    }
}

fn matches(at: &str, name: &str, argument: &Value, is: &Value, out: &mut Vec<String>) -> bool {
    let text = is.as_str().unwrap_or_default();
    match name {
        "$any" => argument == "anything" || argument == kind(is),
        "$has" => argument.as_str().is_some_and(|part| text.contains(part)),
        "$maybe" => {
            compare(at, argument, is, out);
            true
        }
        "$json" => serde_json::from_str(text).is_ok_and(|value| {
            compare(at, argument, &value, out);
            true
        }),
        "$repeat" => repeated(argument).is_some_and(|wanted| is.is_string() && wanted == text),
        _ => false,
    }
}

/// The text that `$repeat` stands for.
fn repeated(argument: &Value) -> Option<String> {
    Some(argument[0].as_str()?.repeat(argument[1].as_u64()?.try_into().ok()?))
}

/// The text that a pattern stands for, when it is text.
pub(super) fn text(pattern: &Value) -> Option<String> {
    match matcher(pattern) {
        Some(("$repeat", argument)) => repeated(argument),
        Some(_) => None,
        None => pattern.as_str().map(str::to_owned),
    }
}

/// A value that is short enough to be read.
pub(super) fn short(value: &Value) -> String {
    const MOST_CHARS: usize = 400;
    let text = value.to_string();
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn differ(wanted: &Value, is: &Value) -> usize {
        check(wanted).unwrap();
        let mut differences = Vec::new();
        compare("here", wanted, is, &mut differences);
        differences.len()
    }

    #[test]
    fn a_document_is_its_own_pattern_and_no_others() {
        let document = json!({"a": [1, {"b": null}], "c": "x"});
        assert_eq!(differ(&document, &document), 0);
        for other in [
            json!({"a": [1, {"b": null}], "c": "y"}),
            json!({"a": [1, {"b": null}]}),
            json!({"a": [1, {"b": null}], "c": "x", "d": 1}),
            json!({"a": [1], "c": "x"}),
            json!({"a": [1, {"b": null}, 2], "c": "x"}),
            json!({"a": [1, {"b": 0}], "c": "x"}),
        ] {
            assert_eq!(differ(&document, &other), 1, "{other}");
        }
    }

    #[test]
    fn matchers_match_what_they_say_and_nothing_else() {
        for (pattern, good, bad) in [
            (json!({"$any": "string"}), json!("a"), json!(1)),
            (json!({"$any": "null"}), json!(null), json!(0)),
            (json!({"$has": "b"}), json!("abc"), json!("ac")),
            (json!({"$json": {"a": 1}}), json!("{\"a\":1}"), json!("{\"a\":2}")),
            (json!({"$json": {"a": 1}}), json!(" { \"a\": 1 }"), json!("no")),
            (json!({"$repeat": ["ab", 2]}), json!("abab"), json!("aba")),
            (json!({"$repeat": ["", 2]}), json!(""), json!(1)),
        ] {
            assert_eq!(differ(&pattern, &good), 0, "{pattern}");
            assert_eq!(differ(&pattern, &bad), 1, "{pattern}");
        }
    }

    #[test]
    fn what_may_be_missing_may_be_and_has_its_value_otherwise() {
        let pattern = json!({"a": {"$maybe": 1}});
        assert_eq!(differ(&pattern, &json!({})), 0);
        assert_eq!(differ(&pattern, &json!({"a": 1})), 0);
        assert_eq!(differ(&pattern, &json!({"a": 2})), 1);
    }

    #[test]
    fn a_matcher_that_nobody_knows_is_refused() {
        for pattern in [
            json!({"$some": 1}),
            json!({"a": [{"$any": "text"}]}),
            json!({"$repeat": "a"}),
            json!({"$json": {"$some": 1}}),
        ] {
            assert!(check(&pattern).is_err(), "{pattern}");
        }
    }
}
