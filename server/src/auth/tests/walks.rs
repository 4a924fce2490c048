//! Who may do what, over all routes.

use super::*;

#[sqlx::test(migrations = "../migrations")]
async fn a_password_given_by_someone_else_allows_no_action_but_changing_it(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Admin).await;
    let session = cookie(&server.sign_in("eva", &one_time).await);
    for route in web::routes().table() {
        if let web::routes::Access::Signed(action) = route.access
            && action != Action::UseOwnSession
        {
            let (status, kind) = problem(server.get(&concrete(&route.path), &session).await).await;
            assert!(status == StatusCode::FORBIDDEN || status == StatusCode::METHOD_NOT_ALLOWED, "{}", route.path);
            assert!(kind == "password-change-required" || kind == "method-not-allowed", "{}: {kind}", route.path);
        }
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn requests_that_another_site_sends_change_nothing(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let session = server.settled("eva", &one_time, PASSWORD).await;
    let delete = async |headers: &[(&str, &str)]| {
        let mut request = Request::delete("/api/v1/session").header(header::COOKIE, &session);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::empty()).unwrap()).await.status()
    };
    for headers in [
        &[("host", "gemba:8080"), ("origin", "https://evil.example")][..],
        &[("host", "gemba:8080"), ("origin", "null")],
        &[("host", "gemba:8080"), ("origin", "http://gemba:8081")],
        &[("host", "gemba:8080"), ("sec-fetch-site", "cross-site")],
        &[("host", "gemba:8080"), ("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(delete(headers).await, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let upgrade = Request::get("/api/v1/session")
        .header(header::COOKIE, &session)
        .header(header::HOST, "gemba:8080")
        .header(header::ORIGIN, "https://evil.example")
        .header(header::UPGRADE, "websocket")
        .body(Body::empty())
        .unwrap();
    assert_eq!(problem(server.send(upgrade).await).await, (StatusCode::FORBIDDEN, "cross-site".to_owned()));
    assert_eq!(server.get("/api/v1/session", &session).await.status(), StatusCode::OK, "nothing happened");
    assert_eq!(delete(&[("host", "gemba:8080"), ("origin", "http://gemba:8080")]).await, StatusCode::NO_CONTENT);
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_but_what_is_named_here_answers_without_a_sign_in(pool: PgPool) {
    let server = Server::new(pool).await;
    let open: Vec<&str> =
        vec!["/healthz", "/readyz", "/metrics", "/assets/{*name}", "/favicon.ico", "/login", "/api/v1/session"];
    let mut walked = 0;
    for route in web::all_routes(&server.state) {
        walked += 1;
        if open.contains(&route.path.as_str()) {
            continue;
        }
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = Request::builder().method(&method).uri(concrete(&route.path)).body(Body::empty()).unwrap();
            let response = server.send(request).await;
            let sent_to_sign_in =
                response.status() == StatusCode::SEE_OTHER && location(&response).starts_with("/login");
            assert!(
                matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::METHOD_NOT_ALLOWED)
                    || sent_to_sign_in,
                "{method} {} answered {} to a stranger",
                route.path,
                response.status()
            );
        }
    }
    assert!(walked >= 8, "the walk saw only {walked} routes");
    // What is open by GET is not open otherwise.
    assert_eq!(server.get("/api/v1/session", "").await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/no/such/page", "").await.status(), StatusCode::SEE_OTHER);
    assert_eq!(problem(server.get("/api/v1/no-such", "").await).await.0, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrations = "../migrations")]
async fn each_role_may_do_what_the_policy_says_and_nothing_else(pool: PgPool) {
    let mut server = Server::new(pool.clone()).await;
    // One route per action, behind the guard that all routes have.
    let path = |action: &Action| format!("/of/{}", action.as_str());
    let routes = Action::ALL.iter().fold(Routes::new(), |routes, action| {
        let name = axum::routing::get(|caller: Caller| async move { caller.username.to_string() });
        let mut paths = utoipa::openapi::Paths::new();
        paths.paths.insert(path(action), utoipa::openapi::PathItem::default());
        routes.guarded(*action, (Vec::new(), paths, name))
    });
    let guarded = routes.into_router(&server.state).with_state(server.state.clone());
    server.router = server.router.merge(guarded);
    for role in Role::ALL {
        let one_time = user(&pool, role.as_str(), *role).await;
        let session = server.settled(role.as_str(), &one_time, PASSWORD).await;
        for action in Action::ALL {
            let status = server.get(&path(action), &session).await.status();
            let expected = if permits(*role, *action) { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(status, expected, "{} by {}", action.as_str(), role.as_str());
            assert_eq!(server.get(&path(action), "").await.status(), StatusCode::UNAUTHORIZED);
        }
    }
}

/// A path of the table with its parameters filled in.
fn concrete(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}
