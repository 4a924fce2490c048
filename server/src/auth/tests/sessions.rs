//! How sessions begin, what carries them and how they end.

use super::*;

#[sqlx::test(migrations = "../migrations")]
async fn a_sign_in_and_a_sign_out_end_the_session_that_was(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let before = server.settled("eva", &one_time, PASSWORD).await;
    let sign_in = SignIn { username: "eva".to_owned(), password: PASSWORD.to_owned() };
    let after = cookie(&server.json(Method::POST, "/api/v1/session", &before, sign_in).await);
    assert_eq!(server.get("/api/v1/session", &before).await.status(), StatusCode::UNAUTHORIZED);
    let out = server.json(Method::DELETE, "/api/v1/session", &after, ()).await;
    assert_eq!((out.status(), cookie(&out).as_str()), (StatusCode::NO_CONTENT, "gemba="));
    assert_eq!(server.get("/api/v1/session", &after).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.state.auth.caller(&HeaderMap::new()).await.unwrap(), None);
}

#[sqlx::test(migrations = "../migrations")]
async fn sessions_end_by_idleness_and_by_age(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    for column in ["last_seen_at = now() - interval '13 hours'", "created_at = now() - interval '8 days'"] {
        let session = cookie(&server.sign_in("eva", &one_time).await);
        assert_eq!(server.get("/api/v1/session", &session).await.status(), StatusCode::OK);
        let age = sqlx::AssertSqlSafe(format!("update user_session set {column}"));
        sqlx::query(age).execute(&pool).await.unwrap();
        assert_eq!(server.get("/api/v1/session", &session).await.status(), StatusCode::UNAUTHORIZED, "{column}");
        let page = server.get("/", &session).await;
        assert_eq!(location(&page), "/login?error=expired");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_token_is_not_in_the_database(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let session = cookie(&server.sign_in("eva", &one_time).await);
    let token = session.split_once('=').unwrap().1;
    assert_eq!(token.len(), 43, "256 bits in base64");
    let rows: Vec<(String,)> = sqlx::query_as(
        "select row_to_json(s)::text from user_session s union all select row_to_json(a)::text from audit_entry a",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(rows.iter().all(|(row,)| !row.contains(token) && !row.contains(&one_time)));
}

#[sqlx::test(migrations = "../migrations")]
async fn cookies_are_as_strict_as_the_address_allows(pool: PgPool) {
    let one_time = user(&pool, "eva", Role::Operator).await;
    let plain = Server::new(pool.clone()).await;
    let line = plain.sign_in("eva", &one_time).await.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(line.starts_with("gemba=") && line.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"), "{line}");
    let secure = Server::with(pool, &[("GEMBA_HTTP_PUBLIC_URL", "https://gemba.example.com")]).await;
    let response = secure.sign_in("eva", &one_time).await;
    let line = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(line.starts_with("__Host-gemba=") && line.ends_with("; Secure"), "{line}");
    assert!(response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[sqlx::test(migrations = "../migrations")]
async fn forms_lead_on_and_back(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let wrong = server.form("/login", "", "username=eva&password=wrong&next=/units/a%3Fb%3D1").await;
    assert_eq!(
        (wrong.status(), location(&wrong)),
        (StatusCode::SEE_OTHER, "/login?error=invalid&next=/units/a%3Fb%3D1")
    );
    let right = server.form("/login", "", &format!("username=eva&password={one_time}&next=/units/a")).await;
    assert_eq!(location(&right), "/account/password", "a given password is changed first");
    let session = cookie(&right);
    let change = async |new: &str, repeat: &str| {
        let fields = format!("current={one_time}&new={new}&repeat={repeat}");
        server.form("/account/password", &session, &fields).await
    };
    assert_eq!(location(&change("short", "short").await), "/account/password?error=short");
    assert_eq!(location(&change("password123", "password123").await), "/account/password?error=common");
    assert_eq!(location(&change("one+long+password", "another+password").await), "/account/password?error=repeat");
    let changed = change("one+long+password", "one+long+password").await;
    assert_eq!(location(&changed), "/");
    let session = cookie(&changed);
    for (next, to) in
        [("/units/a", "/units/a"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/")]
    {
        let fields = format!("username=eva&password=one+long+password&next={}", guard::encode(next));
        assert_eq!(location(&server.form("/login", "", &fields).await), to, "{next}");
    }
    let out = server.form("/logout", &session, "").await;
    assert_eq!((location(&out), cookie(&out).as_str()), ("/login", "gemba="));
    assert_eq!(location(&server.get("/units/a?x=1", "").await), "/login?next=/units/a%3Fx%3D1");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_was_done_is_in_the_audit(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let session = server.settled("eva", &one_time, PASSWORD).await;
    server.sign_in("eva", "wrong").await;
    server.sign_in("my-password-typed-as-name", "wrong").await;
    server.json(Method::DELETE, "/api/v1/session", &session, ()).await;
    reset_password(&pool, &"eva".parse().unwrap()).await.unwrap();
    let rows: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as("select action, actor, subject from audit_entry order by id").fetch_all(&pool).await.unwrap();
    let rows: Vec<(&str, Option<&str>, Option<&str>)> =
        rows.iter().map(|(action, actor, subject)| (action.as_str(), actor.as_deref(), subject.as_deref())).collect();
    let eva = Some("eva");
    assert_eq!(
        rows,
        [
            ("user.add", Some("command-line"), eva),
            ("session.sign_in", eva, eva),
            ("user.change_password", eva, eva),
            ("session.refused", None, eva),
            ("session.refused", None, None),
            ("session.sign_out", eva, eva),
            ("user.reset_password", Some("command-line"), eva),
        ]
    );
}

#[sqlx::test(migrations = "../migrations")]
async fn an_open_connection_hears_that_its_session_ended_elsewhere(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    server.state.auth.spawn_jobs(&server.state.shutdown);
    let one_time = user(&pool, "eva", Role::Operator).await;
    let session = cookie(&server.sign_in("eva", &one_time).await);
    let headers = HeaderMap::from_iter([(header::COOKIE, session.parse().unwrap())]);
    let caller = server.state.auth.caller(&headers).await.unwrap().unwrap();
    let ended = server.state.auth.until_ended(caller.session);
    tokio::pin!(ended);
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut ended).await.is_err(), "the session still is");
    // As another process would.
    reset_password(&pool, &"eva".parse().unwrap()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    server.state.shutdown.cancel();
}
