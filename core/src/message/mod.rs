//! The documents on the wire: tolerant in, strict out. Shapes only; nothing here decides.

mod control;
mod driver_message;
mod escape;
mod init_event;
pub(crate) mod log_entry;
mod members;
mod resource;
mod result_event;
mod scan;
mod service;
mod words;

pub use control::{ControlReply, ControlRequest};
pub use driver_message::DriverMessage;
#[cfg(feature = "contract")]
pub(crate) use init_event::InitEnvelope;
pub use init_event::InitEvent;
pub(crate) use log_entry::LabelsRef;
pub use log_entry::LogEntry;
pub use resource::Resource;
#[cfg(feature = "contract")]
pub(crate) use result_event::ResultEnvelope;
pub use result_event::{DriverResult, ResultEvent};
pub(crate) use result_event::{Echo, encode as encode_answer};
pub(crate) use scan::{each_plain_member, said_plainly};
pub use service::{
    EndpointStats, RunInFlight, RunsInFlight, ServiceEndpoint, ServiceIdentity, ServiceInfo,
    ServiceStats,
};
