//! What a driver costs, measured from outside its process, beside a peer in the same run.
#![forbid(unsafe_code)]

mod answers;
mod candidate;
mod clock;
mod contract;
mod event;
mod figures;
mod live;
mod load;
mod machine;
mod process;
mod report;
mod resting;
mod scenario;
mod seam;
mod stage;
mod table;

pub use candidate::{Candidate, PEER, RUNTIME};
pub use clock::monotonic_us;
pub use contract::{Contract, Work, line};
pub use event::{DRIVER, event, number};
pub use machine::Machine;
pub use process::Process;
pub use report::{Outcome, Report, Row};
pub use scenario::{START, Scenario, Sizes};
pub use stage::Stage;
