//! Signing in and out: for programs and the pages in JSON, and for browsers without script as forms.

use axum::{
    Form,
    extract::{FromRequestParts, State},
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use gemba_app::session::{LoginError, PasswordError};
use gemba_contract::session::{ChangePassword, Me, SignIn};
use gemba_domain::access::Action;
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::Deserialize;
use utoipa_axum::routes;

use super::{
    AuthError, Caller, PasswordRule, guard,
    guard::{LOGIN_PAGE, PASSWORD_PAGE, encode, is_local},
    service::{Begun, Client},
};
use crate::{
    state::AppState,
    web::{extract::Json, problem::Problem, routes::Routes},
};

/// The routes of this feature.
pub fn routes() -> Routes {
    Routes::new()
        .anyone(routes!(sign_in))
        .guarded(Action::UseOwnSession, routes!(me, sign_out))
        .guarded(Action::UseOwnSession, routes!(change_password))
        .open(LOGIN_PAGE, post(login_form))
        .page("/logout", Action::UseOwnSession, post(logout_form))
        .page(PASSWORD_PAGE, Action::UseOwnSession, post(password_form))
}

impl FromRequestParts<AppState> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Self::Rejection> {
        Ok(guard::client(parts, &state.settings))
    }
}

/// Who is signed in
#[utoipa::path(
    get, path = "/api/v1/session", tag = "session", operation_id = "me",
    responses((status = 200, description = "The user", body = Me)),
)]
async fn me(caller: Caller) -> Json<Me> {
    Json(caller.me())
}

/// Signs in
///
/// After several wrong attempts an address or account has to wait.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", request_body = SignIn,
    responses(
        (status = 200, description = "The user", body = Me, headers(("Set-Cookie" = String, description = "The session"))),
        (status = 401, description = "`wrong-credentials`: the user name or the password is wrong"),
        (status = 429, description = "`too-many-attempts`: wait for `Retry-After` seconds"),
        (status = 503, description = "`busy`: too many people sign in; wait for `Retry-After` seconds"),
    ),
)]
async fn sign_in(
    State(state): State<AppState>,
    client: Client,
    headers: HeaderMap,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    let begun = state.auth.sign_in(&body.username, &body.password, &client, &headers).await?;
    let me = begun.caller.me();
    Ok(with_cookie(begun, Json(me).into_response()))
}

/// Signs out
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, description = "The session is over")),
)]
async fn sign_out(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    state.auth.sign_out(&caller).await?;
    Ok(forgetting(&state, StatusCode::NO_CONTENT.into_response()))
}

/// Changes one's own password
///
/// All other sessions of the user end, and this one goes on under a new cookie.
#[utoipa::path(
    post, path = "/api/v1/session/password", tag = "session", request_body = ChangePassword,
    responses(
        (status = 200, description = "The user", body = Me, headers(("Set-Cookie" = String, description = "The session"))),
        (status = 403, description = "`wrong-current-password`"),
        (status = 422, description = "`password-refused`: `detail` says which rule it breaks"),
        (status = 429, description = "`too-many-attempts`: wait for `Retry-After` seconds"),
        (status = 503, description = "`busy`: too many people sign in; wait for `Retry-After` seconds"),
    ),
)]
async fn change_password(
    State(state): State<AppState>,
    caller: Caller,
    client: Client,
    Json(body): Json<ChangePassword>,
) -> Result<Response, Problem> {
    let begun = state.auth.change_password(&caller, &body.current, &body.new, &client).await?;
    let me = begun.caller.me();
    Ok(with_cookie(begun, Json(me).into_response()))
}

#[derive(Deserialize)]
struct LoginForm {
    username: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn login_form(
    State(state): State<AppState>,
    client: Client,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Response {
    let next = if is_local(&form.next) { form.next.as_str() } else { "/" };
    match state.auth.sign_in(&form.username, &form.password, &client, &headers).await {
        Ok(begun) => {
            let to = if begun.caller.must_change_password { PASSWORD_PAGE } else { next };
            with_cookie(begun, Redirect::to(to).into_response())
        }
        Err(error) => {
            let code = match error {
                AuthError::WrongCredentials => LoginError::Invalid,
                AuthError::TooManyAttempts { .. } => LoginError::TooMany,
                _ => logged(error, LoginError::Unavailable),
            };
            let next = if next == "/" { String::new() } else { format!("&next={}", encode(next)) };
            Redirect::to(&format!("{LOGIN_PAGE}?error={}{next}", code.code())).into_response()
        }
    }
}

async fn logout_form(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    state.auth.sign_out(&caller).await?;
    Ok(forgetting(&state, Redirect::to(LOGIN_PAGE).into_response()))
}

#[derive(Deserialize)]
struct PasswordForm {
    current: String,
    new: String,
    repeat: String,
}

async fn password_form(
    State(state): State<AppState>,
    caller: Caller,
    client: Client,
    Form(form): Form<PasswordForm>,
) -> Response {
    let changed = if form.new == form.repeat {
        state.auth.change_password(&caller, &form.current, &form.new, &client).await
    } else {
        return back_to_password(PasswordError::Repeat);
    };
    match changed {
        Ok(begun) => with_cookie(begun, Redirect::to("/").into_response()),
        Err(AuthError::Password(rule)) => back_to_password(match rule {
            PasswordRule::TooShort => PasswordError::Short,
            PasswordRule::TooLong => PasswordError::Long,
            PasswordRule::Name | PasswordRule::Common => PasswordError::Common,
            PasswordRule::Unchanged => PasswordError::Same,
        }),
        Err(AuthError::WrongCurrentPassword) => back_to_password(PasswordError::Wrong),
        Err(AuthError::TooManyAttempts { .. }) => back_to_password(PasswordError::TooMany),
        Err(error) => back_to_password(logged(error, PasswordError::Unavailable)),
    }
}

/// The page says what its code means in its own words; nothing from an error reaches the address.
fn back_to_password(error: PasswordError) -> Response {
    Redirect::to(&format!("{PASSWORD_PAGE}?error={}", error.code())).into_response()
}

fn logged<T>(error: AuthError, code: T) -> T {
    // Making the problem of it writes the log.
    let problem = Problem::from(error);
    tracing::debug!(kind = problem.kind(), "a form could not be worked on");
    code
}

fn with_cookie(begun: Begun, mut response: Response) -> Response {
    if let Some(cookie) = begun.cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn forgetting(state: &AppState, mut response: Response) -> Response {
    if let Some(cookie) = state.auth.forget_cookie() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
