//! What Go has of the contract: a constant for each error code.

use std::fmt::Write as _;

use conveyor_driver::contract::errors;

/// `codes.go`.
pub(crate) fn codes() -> String {
    let mut out = "// Code generated from the runtime's own definitions; the test contract writes it. DO NOT EDIT.\n\n\
        package conveyor\n\n// The codes of the runtime's errors, the same in every language.\nconst (\n"
        .to_owned();
    for row in errors() {
        for line in row.doc.lines() {
            let _ = writeln!(out, "\t// {line}");
        }
        let _ = writeln!(out, "\tCode{} Code = {}", row.name, row.number);
    }
    out += ")\n\nvar codeNames = map[Code]string{\n";
    let width = errors().iter().map(|row| row.name.len()).max().unwrap_or_default();
    for row in errors() {
        let name = row.name;
        let _ = writeln!(out, "\tCode{name}:{:pad$} \"{name}\",", "", pad = width - name.len());
    }
    out += "}\n\nvar retryableCodes = map[Code]bool{\n";
    let retryable: Vec<_> = errors().into_iter().filter(|row| row.retryable).collect();
    let width = retryable.iter().map(|row| row.name.len()).max().unwrap_or_default();
    for row in &retryable {
        let name = row.name;
        let _ = writeln!(out, "\tCode{name}:{:pad$} true,", "", pad = width - name.len());
    }
    out + "}\n"
}
