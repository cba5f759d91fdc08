//! The client that a manager's runs share, made when the first of them asks for it.

use std::sync::{Arc, Mutex, PoisonError};

use super::Client;
use crate::error::Result;
use crate::options::ClientOptions;

/// Where options of a client stand among those of a manager.
const PATH: &str = "client";

/// A client that is made when it is first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedClient(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    options: ClientOptions,
    client: Mutex<Option<Client>>,
}

impl SharedClient {
    /// One with these options, which were filled from the environment before.
    pub(crate) fn new(options: ClientOptions) -> Self {
        Self(Arc::new(Shared { options, client: Mutex::default() }))
    }

    /// The client, or why there is none; what was wrong then may be right later.
    pub(crate) fn get(&self) -> Result<Client> {
        let mut client = self.0.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let made = Client::with(self.0.options.clone(), PATH)?;
        Ok(client.insert(made).clone())
    }
}
