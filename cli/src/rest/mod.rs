//! The REST interface of the [control plane](crate::control_plane), route by route that of the Conveyor
//! CI server, so that clients cannot tell them apart.
//!
//! It differs where the control plane does, and in this: log streams miss no line, stored lines and live
//! ones being the same; there are no routes for metrics and the API's description.

mod answer;
mod broadcasts;
mod definitions;
mod log_stream;
mod logs;
mod pipelines;
mod resources;
mod segments;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get, post};
use conveyor_driver::stream::SharedStream;
use conveyor_driver::{Error, ErrorCode, Result};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::control_plane::ControlPlane;

/// The server takes no larger body.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A REST interface that listens. Stops when dropped.
#[derive(Debug)]
pub struct RestServer {
    address: SocketAddr,
    _stops: DropGuard,
}

/// What the routes share.
#[derive(Clone, Debug)]
struct Shared {
    control_plane: Arc<ControlPlane>,
    stream: SharedStream,
    definitions: Arc<Mutex<BTreeMap<String, Map<String, Value>>>>,
    stop: CancellationToken,
}

impl Shared {
    fn definitions(&self) -> MutexGuard<'_, BTreeMap<String, Map<String, Value>>> {
        self.definitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RestServer {
    /// Listens on the loopback address; port 0 takes any that is free.
    ///
    /// # Errors
    /// `Unavailable` when the port cannot be used.
    pub async fn start(
        control_plane: Arc<ControlPlane>,
        stream: SharedStream,
        port: u16,
    ) -> Result<Self> {
        let unusable = |error| {
            Error::new(ErrorCode::Unavailable, "the port for the REST interface cannot be used")
                .with_context("port", port)
                .with_context("cure", "give another one with --port; 0 takes any that is free")
                .with_source(error)
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let stop = CancellationToken::new();
        let shared =
            Shared { control_plane, stream, definitions: Arc::default(), stop: stop.clone() };
        let served = axum::serve(listener, router(shared));
        tokio::spawn({
            let stop = stop.clone();
            async move {
                let stopped = served.with_graceful_shutdown(stop.cancelled_owned());
                if let Err(error) = stopped.await {
                    tracing::error!(%error, "the REST interface ended");
                }
            }
        });
        Ok(Self { address, _stops: stop.drop_guard() })
    }

    /// Its address: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn router(shared: Shared) -> Router {
    let routes: [(&str, MethodRouter<Shared>); 12] = [
        ("/resources", post(resources::create).get(resources::list)),
        (
            "/resources/{type}/{name}",
            get(resources::get).put(resources::update).delete(resources::delete),
        ),
        ("/resources/{type}/{name}/{version}", get(resources::version)),
        ("/resource-definitions", post(definitions::create)),
        ("/resource-definitions/apply", post(definitions::apply).get(definitions::get_apply)),
        (
            "/resource-definitions/{name}",
            get(definitions::get).put(definitions::update).delete(definitions::delete),
        ),
        ("/pipelines", post(pipelines::create)),
        ("/logs", get(logs::query).post(logs::store)),
        ("/logs/streams/{driver}/{run}", get(log_stream::of_driver)),
        ("/logs/pipeline/{run}", get(log_stream::of_run)),
        ("/drivers/broadcast-message", post(broadcasts::send)),
        ("/health", get(health)),
    ];
    let router = Router::new().route("/", get(|| async { "Conveyor CI, on a laptop" }));
    routes
        .into_iter()
        .fold(router, |router, (path, methods)| {
            // A slash at the end makes no difference.
            router.route(path, methods.clone()).route(&format!("{path}/"), methods)
        })
        .fallback(answer::no_such_route)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(shared)
}

async fn health() -> axum::Json<Value> {
    let time = jiff::Timestamp::now().as_second();
    axum::Json(json!({ "status": "healthy", "time": time }))
}
