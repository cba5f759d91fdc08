//! The embedded event stream.
#[derive(Debug)]
pub struct MemoryStream;
