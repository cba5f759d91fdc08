//! Where dead letters are kept.

use conveyor_driver::stream::SharedStream;
use conveyor_driver::{ErrorCode, subject};
use serde_json::{Value, json};

use super::letter::Letter;
use crate::exit_code;
use crate::fault::Fault;
use crate::jetstream;

/// The stream `dead-letters`.
#[derive(Debug)]
pub(super) struct Shelf(pub(super) SharedStream);

impl Shelf {
    /// The first letter from this number on, if there is one; of one driver, if one is named.
    pub(super) async fn from(
        &self,
        number: u64,
        driver: Option<&str>,
    ) -> Result<Option<Letter>, Fault> {
        let filter = driver.map_or(subject::DEAD_LETTERS.to_owned(), subject::dead_letters);
        self.get(&json!({ "seq": number.max(1), "next_by_subj": filter })).await
    }

    /// The letter of this number.
    pub(super) async fn letter(&self, number: u64) -> Result<Letter, Fault> {
        let found = self.get(&json!({ "seq": number })).await?;
        found.ok_or_else(|| {
            Fault::new(exit_code::NOT_FOUND, "there is no such dead letter")
                .with("number", number)
                .hint("`conveyor-driver dead-letters list` shows their numbers")
        })
    }

    /// Removes a letter for good.
    pub(super) async fn remove(&self, number: u64) -> Result<(), Fault> {
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", subject::DEAD_LETTERS_STREAM);
        jetstream::ask(&*self.0, &subject, &json!({ "seq": number, "no_erase": true })).await?;
        Ok(())
    }

    async fn get(&self, which: &Value) -> Result<Option<Letter>, Fault> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", subject::DEAD_LETTERS_STREAM);
        match jetstream::ask(&*self.0, &subject, which).await {
            Ok(found) => Letter::read(&found["message"]).map(Some),
            // Neither such a letter, nor a stream before the first one came.
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
