//! Changes. For event handlers: what the server renders changes nothing.

use serde::{Serialize, de::DeserializeOwned};

use super::{ApiError, ApiReply, error};

/// How a change is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Post,
    Put,
    Delete,
}

/// POST of JSON.
pub(crate) async fn post<T: DeserializeOwned>(path: String, body: &impl Serialize) -> Result<T, ApiError> {
    error::read(&send(Verb::Post, path, Some(serde_json::to_string(body))).await?)
}

/// PUT of JSON.
pub(crate) async fn put<T: DeserializeOwned>(path: String, body: &impl Serialize) -> Result<T, ApiError> {
    error::read(&send(Verb::Put, path, Some(serde_json::to_string(body))).await?)
}

/// DELETE.
pub(crate) async fn delete<T: DeserializeOwned>(path: String) -> Result<T, ApiError> {
    error::read(&send(Verb::Delete, path, None).await?)
}

/// Any of them, answered as it came.
pub(super) async fn send(
    verb: Verb,
    path: String,
    body: Option<serde_json::Result<String>>,
) -> Result<ApiReply, ApiError> {
    let body = body.transpose().map_err(|error| ApiError::Unreadable(error.to_string()))?;
    fetched(verb, path, body).await
}

#[cfg(feature = "hydrate")]
async fn fetched(verb: Verb, path: String, body: Option<String>) -> Result<ApiReply, ApiError> {
    send_wrapper::SendWrapper::new(super::fetch::send(verb, path, body)).await
}

#[cfg(not(feature = "hydrate"))]
async fn fetched(_verb: Verb, _path: String, _body: Option<String>) -> Result<ApiReply, ApiError> {
    Err(ApiError::Unreachable)
}
