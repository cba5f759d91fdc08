//! The real event stream.
#[derive(Debug)]
pub struct NatsStream;
