//! What C has of the contract: the header of the library.

use std::fmt::Write as _;
use std::path::Path;

use cbindgen::{Builder, Config, DocumentationStyle, EnumConfig, Language, Style};
use conveyor_driver::contract::errors;

/// `conveyor_driver.h`.
pub(crate) fn header() -> String {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings-c/src");
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        style: Style::Both,
        documentation_style: DocumentationStyle::Doxy,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: ["stdbool.h", "stddef.h", "stdint.h", "string.h"].map(Into::into).into(),
        header: Some(HEADER.to_owned()),
        after_includes: Some(constants()),
        trailer: Some(TRAILER.to_owned()),
        line_length: 100,
        enumeration: EnumConfig::default(),
        ..Config::default()
    };
    let mut builder = Builder::new().with_config(config);
    for source in MODULES {
        builder = builder.with_src(sources.join(format!("{source}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

/// In the order of the header.
const MODULES: [&str; 19] = [
    "version",
    "error",
    "view",
    "text",
    "json",
    "callbacks",
    "driver",
    "manager",
    "run",
    "resource",
    "run_log",
    "complete",
    "answers",
    "exec",
    "queue",
    "take",
    "client",
    "embedded",
    "library_log",
];

const HEADER: &str = "\
/*
 * conveyor_driver.h: drivers for Conveyor CI in C, C++ and every language that can call C.
 *
 * Generated from the library's source; the test `contract` writes it.
 *
 * The rules
 *   Handles   Everything the library makes is a number. A stale one, one that is freed twice and one of
 *             another kind get an error, never undefined behaviour. 0 is none. A number is never given
 *             out twice.
 *   Errors    A function returns 0 or the number of an error, and with `error` not null an object that
 *             says more, which the caller frees.
 *   Texts     `conveyor_str`: pointer and length, UTF-8. What is given has to live for the length of the
 *             call; what is lent lives as long as the function says.
 *   Threads   Every function may be called from any thread, and several at once.
 *   Blocking  A function blocks only where it says so.
 *   Signals   No write of the library raises SIGPIPE. The library's threads take no signals, except for
 *             those that call the program's functions.
 *   fork      What was made before a fork belongs to the parent: in the child every call with it fails
 *             with CONVEYOR_E_FORKED. Make it anew there.
 *   dlclose   The library stays in the process; dlopen finds it as it was.
 */
#ifndef CONVEYOR_DRIVER_H
#define CONVEYOR_DRIVER_H
";

const TRAILER: &str = "\
/**
 * The text of a C string, for the library to read; null is no text.
 */
static inline conveyor_str conveyor_view(const char *text)
{
  conveyor_str view;
  view.ptr = text;
  view.len = text ? strlen(text) : 0;
  return view;
}

#endif
";

/// The version, and the codes.
fn constants() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut numbers = version.split('.');
    let mut out = String::new();
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let _ = writeln!(out, "#define CONVEYOR_VERSION_{part} {}", numbers.next().unwrap());
    }
    let _ = writeln!(out, "#define CONVEYOR_VERSION \"{version}\"");
    for row in errors() {
        let name = screaming(row.name);
        let _ = write!(
            out,
            "\n/**\n{} */\n#define CONVEYOR_E_{name} {}\n",
            comment(&row.doc),
            row.number
        );
    }
    out
}

/// Text in lines of a comment.
fn comment(text: &str) -> String {
    const WIDTH: usize = 100;
    let (mut out, mut line) = (String::new(), " *".to_owned());
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            out += &line;
            out.push('\n');
            line = " *".to_owned();
        }
        line.push(' ');
        line += word;
    }
    out + &line + "\n"
}

/// `OptionsInvalid` as `OPTIONS_INVALID`.
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (i, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && i > 0 {
            out.push('_');
        }
        out.extend(letter.to_uppercase());
    }
    out
}
