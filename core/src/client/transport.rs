//! The way to the API: the only file that sends.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};

use super::reply::Reply;
use super::request::{Method, Request};
use super::tokens::Tokens;
use crate::error::{Error, ErrorCode, Result};
use crate::options::ClientOptions;
use crate::tls::Tls;

/// How long a connection may wait for its next request. Shorter than what servers and proxies allow, so
/// that they do not close it under a request.
const KEPT_IDLE: Duration = Duration::from_secs(15);
/// How much of an error's body is read.
const ERROR_MOST_BYTES: u64 = 64 * 1024;

pub(super) struct Transport {
    http: reqwest::Client,
    /// Without a slash at its end.
    base: String,
    tokens: Option<Tokens>,
    max_response_bytes: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) sent: Sent,
}

/// Whether the server may have got the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Yes,
    No,
}

impl Transport {
    pub(super) fn new(url: &str, options: &ClientOptions, tls: Tls) -> Result<Self> {
        let base = url.trim_end_matches('/').to_owned();
        if let Err(error) = Url::parse(&base) {
            return Err(Error::new(ErrorCode::OptionsInvalid, "the address cannot be used")
                .with_context("url", error));
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.config)
            .redirect(Policy::none())
            .connect_timeout(Duration::from_millis(options.connect_timeout_ms))
            .pool_idle_timeout(KEPT_IDLE)
            .user_agent(concat!("conveyor-driver/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::new(ErrorCode::Internal, "the HTTP client cannot be set up")
                    .with_source(error.without_url())
            })?;
        let tokens = tls.identity.map(|identity| Tokens::new(identity, tls.authorities));
        Ok(Self { http, base, tokens, max_response_bytes: options.max_response_bytes })
    }

    /// Sends a request and reads the answer to its end.
    pub(super) async fn send(&self, request: &Request) -> Result<Reply, Failure> {
        let response = self.open(request, "application/json").await?;
        self.read(response).await
    }

    /// Sends a request and leaves the body of the answer to be read.
    pub(super) async fn open(
        &self,
        request: &Request,
        accept: &'static str,
    ) -> Result<Response, Failure> {
        let unsent = |error| Failure { error, sent: Sent::No };
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(tokens) = &self.tokens {
            let bearer = tokens.token().map_err(unsent)?.bearer();
            let mut bearer = HeaderValue::try_from(bearer)
                .map_err(|_| unsent(Error::new(ErrorCode::Internal, "the token cannot be sent")))?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let mut builder = self.http.request(method, format!("{}{}", self.base, request.path));
        if let Some(body) = &request.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            builder = builder.body(body.clone());
        }
        builder.headers(headers).send().await.map_err(|error| self.failure(error))
    }

    /// Reads the body of an answer.
    pub(super) async fn read(&self, mut response: Response) -> Result<Reply, Failure> {
        let status = response.status();
        let most = match status.is_success() {
            true => self.max_response_bytes,
            false => ERROR_MOST_BYTES.min(self.max_response_bytes),
        };
        let header = |name| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let content_type = header(CONTENT_TYPE);
        let location = header(LOCATION)
            .map(|location| location.split(['?', '#']).next().unwrap_or_default().to_owned());
        let reply = |body| Reply { status: status.as_u16(), content_type, location, body };
        let too_large = || Failure {
            error: Error::new(ErrorCode::ResponseTooLarge, "the answer is too large")
                .with_context("max_response_bytes", self.max_response_bytes),
            sent: Sent::Yes,
        };
        if status.is_success() && response.content_length().is_some_and(|bytes| bytes > most) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        loop {
            let chunk: Bytes = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // What an error says is worth nothing more than its status.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(self.failure(error)),
            };
            if (body.len() + chunk.len()) as u64 > most {
                if status.is_success() {
                    return Err(too_large());
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(reply(body.freeze()))
    }

    /// What an error of the HTTP client means. Its own text names the address, which may hold names.
    pub(super) fn failure(&self, error: reqwest::Error) -> Failure {
        let error = error.without_url();
        let tls = causes(&error).any(|cause| cause.is::<rustls::Error>());
        let sent = if error.is_connect() || error.is_builder() { Sent::No } else { Sent::Yes };
        let (code, what) = match () {
            () if tls => (ErrorCode::TlsFailed, "no TLS connection to the API"),
            () if error.is_connect() => (ErrorCode::Unavailable, "cannot reach the API"),
            () if error.is_builder() => (ErrorCode::Internal, "the request cannot be sent"),
            () if error.is_timeout() => (ErrorCode::TimedOut, "the API did not answer in time"),
            () => (ErrorCode::Unavailable, "the connection to the API was lost"),
        };
        let reason = causes(&error).last().map(ToString::to_string).unwrap_or_default();
        let error = Error::new(code, what).with_context("url", &self.base).with_source(reason);
        Failure { error, sent }
    }
}

/// An error and all behind it. What an I/O error holds is passed over by its `source`.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let held = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        held.map(|held| held as &(dyn StdError + 'static)).or_else(|| (*error).source())
    })
}
