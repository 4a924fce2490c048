use serde::{Serialize, de::DeserializeOwned};

use super::{ApiError, ApiReply, error};

/// PUT with the session's cookie. For event handlers: on the server there is nobody to send.
pub(crate) async fn put<T: DeserializeOwned>(path: String, body: &impl Serialize) -> Result<T, ApiError> {
    let body = serde_json::to_string(body).map_err(|e| ApiError::Unreadable(e.to_string()))?;
    error::read(&change(path, Some(body)).await?)
}

/// DELETE likewise.
pub(crate) async fn delete<T: DeserializeOwned>(path: String) -> Result<T, ApiError> {
    error::read(&change(path, None).await?)
}

/// Escapes a value of a query.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(feature = "hydrate")]
async fn change(path: String, body: Option<String>) -> Result<ApiReply, ApiError> {
    use gloo_net::http::Request;
    let send = async move {
        let unreachable = |_| ApiError::Unreachable;
        let request = match body {
            Some(body) => {
                let request = Request::put(&path).header("content-type", "application/json");
                request.body(body).map_err(unreachable)?
            }
            None => Request::delete(&path).build().map_err(unreachable)?,
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status == 401 {
            super::go_to_login();
        }
        Ok(ApiReply { status, body: response.binary().await.map_err(unreachable)? })
    };
    send_wrapper::SendWrapper::new(send).await
}

#[cfg(not(feature = "hydrate"))]
async fn change(_path: String, _body: Option<String>) -> Result<ApiReply, ApiError> {
    Err(ApiError::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_query_are_escaped() {
        assert_eq!(escaped("2026-12-24 14:00"), "2026-12-24%2014%3A00");
        assert_eq!(escaped("Weih & Nacht=ö"), "Weih%20%26%20Nacht%3D%C3%B6");
    }
}
