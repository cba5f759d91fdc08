//! What the API answers when something is wrong, and the code that a caller gets.

use conveyor_driver::ErrorCode;
use conveyor_driver::client::Reply;
use conveyor_driver_tests::vectors::{Vector, VectorFile};

pub(crate) fn reply(vector: &Vector) -> Reply {
    Reply {
        status: vector.get("status").unwrap().as_u64().unwrap().try_into().unwrap(),
        content_type: vector.get("content_type").unwrap().as_str().map(str::to_owned),
        location: None,
        body: vector.bytes().into(),
    }
}

fn code(vector: &Vector) -> ErrorCode {
    match vector.name() {
        "resource-create-duplicate" => ErrorCode::Conflict,
        "resource-create-unknown-pipeline"
        | "resource-get-unknown-version"
        | "resource-get-escaped-name"
        | "resource-update-unknown"
        | "resource-update-unknown-type"
        | "definition-get-unknown"
        | "definition-update-unknown"
        | "definition-delete-unknown"
        | "pipeline-create-unknown-type" => ErrorCode::NotFound,
        "resource-create-over-body-limit" => ErrorCode::TooLarge,
        "resource-update-without-type"
        | "resource-patch"
        | "definition-list"
        | "pipeline-list"
        | "pipeline-get"
        | "pipeline-delete"
        | "unknown-path" => ErrorCode::Unsupported,
        name if name.starts_with("auth-") => ErrorCode::Unauthenticated,
        _ => {
            // Whatever else is in the file is a fault of the request.
            assert_eq!(vector.get("status").unwrap(), 400);
            ErrorCode::ApiRefused
        }
    }
}

#[test]
fn every_error_of_the_api_has_a_code_and_the_servers_words() {
    let vectors = VectorFile::load("api_errors.json");
    vectors.check(
        |_| true,
        |v| {
            let error = reply(v).check().unwrap_err();
            assert_eq!(error.code(), code(v), "{error}");
            let said = error.context().iter().find(|(name, _)| name == "server").unwrap();
            let text = match v.valid() {
                true => v.decoded()["error"].as_str().unwrap().to_owned(),
                false => String::from_utf8(v.bytes()).unwrap(),
            };
            assert_eq!(said.1, text.trim_end());
        },
    );
    vectors.done();
}
