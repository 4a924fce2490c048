//! Passwords: the first, the wrong, the weak, the guessed.

use super::*;

#[sqlx::test(migrations = "../migrations")]
async fn the_first_administrator_signs_in_once_and_must_change_the_password(pool: PgPool) {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::new(pool.clone()).await;
    let first = ensure_first_administrator(&pool, server.data.path()).await.unwrap().unwrap();
    assert!(ensure_first_administrator(&pool, server.data.path()).await.unwrap().is_none(), "only once");
    assert_eq!(std::fs::read_to_string(&first.file).unwrap().trim(), first.password);
    assert_eq!(first.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let response = server.sign_in("Admin ", &first.password).await;
    let session = cookie(&response);
    let me: Me = body(response).await;
    assert_eq!((me.username.as_str(), me.role, me.must_change_password), ("admin", Role::Admin, true));

    // Nothing else is allowed until then; pages lead to the one that is.
    let page = server.get("/", &session).await;
    assert_eq!((page.status(), location(&page)), (StatusCode::SEE_OTHER, "/account/password"));
    assert_eq!(server.get("/account/password", &session).await.status(), StatusCode::OK);

    let session = server.settled("admin", &first.password, PASSWORD).await;
    let me: Me = body(server.get("/api/v1/session", &session).await).await;
    assert!(!me.must_change_password);
    assert!(!first.file.exists(), "the file goes with the password");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_change_of_password_ends_all_other_sessions_and_renews_the_own(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let first = server.settled("eva", &one_time, PASSWORD).await;
    let second = cookie(&server.sign_in("eva", PASSWORD).await);
    assert_ne!(first, second);
    let body = json!({ "current": PASSWORD, "new": "and starts again at one" });
    let changed = server.json(Method::POST, "/api/v1/session/password", &second, body).await;
    let renewed = cookie(&changed);
    assert_ne!(renewed, second, "a new id at a change of password");
    for ended in [&first, &second] {
        assert_eq!(problem(server.get("/api/v1/session", ended).await).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.get("/api/v1/session", &renewed).await.status(), StatusCode::OK);
    let (status, _) = problem(server.sign_in("eva", PASSWORD).await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "the old password opens nothing");
}

#[sqlx::test(migrations = "../migrations")]
async fn passwords_that_break_a_rule_change_nothing(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let session = cookie(&server.sign_in("eva", &one_time).await);
    let change = async |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        problem(server.json(Method::POST, "/api/v1/session/password", &session, body).await).await
    };
    for new in ["short", "password123", "gemba2026", &one_time] {
        let refused = change(&one_time, new).await;
        assert_eq!(refused, (StatusCode::UNPROCESSABLE_ENTITY, "password-refused".to_owned()), "{new}");
    }
    let wrong = change("not the current one", PASSWORD).await;
    assert_eq!(wrong, (StatusCode::FORBIDDEN, "wrong-current-password".to_owned()));
    assert_eq!(server.sign_in("eva", &one_time).await.status(), StatusCode::OK, "the password is as before");
}

#[sqlx::test(migrations = "../migrations")]
async fn unknown_users_and_wrong_passwords_get_the_same_answer(pool: PgPool) {
    let server = Server::new(pool.clone()).await;
    user(&pool, "eva", Role::Operator).await;
    let mut answers = Vec::new();
    for (name, password) in [("eva", "wrong"), ("nobody", "wrong"), ("not a name!", "wrong"), ("eva", "")] {
        let mut answer: Problem = body(server.sign_in(name, password).await).await;
        answer.request_id = None;
        answers.push(answer);
    }
    assert_eq!(answers[0].status, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn guesses_are_throttled_and_do_not_lock_the_owner_out(pool: PgPool) {
    let server = Server::with(pool.clone(), &[("GEMBA_HTTP_TRUSTED_PROXIES", "0.0.0.0")]).await;
    let one_time = user(&pool, "eva", Role::Operator).await;
    let from = async |address: &str, password: &str| {
        let body = SignIn { username: "eva".to_owned(), password: password.to_owned() };
        let request = Request::post("/api/v1/session")
            .header("x-forwarded-for", address)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(&body).unwrap()))
            .unwrap();
        server.send(request).await
    };
    assert_eq!(from("192.0.2.7", &one_time).await.status(), StatusCode::OK);
    let mut looked_at = 0;
    for n in 0..60 {
        let response = from(&format!("198.51.100.{n}"), "guess").await;
        match response.status() {
            StatusCode::UNAUTHORIZED => looked_at += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(response.headers()[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() > 0);
                assert_eq!(problem(response).await.1, "too-many-attempts");
            }
            other => panic!("{other}"),
        }
    }
    assert!((10..=20).contains(&looked_at), "{looked_at}");
    assert_eq!(from("203.0.113.1", &one_time).await.status(), StatusCode::TOO_MANY_REQUESTS, "a new address waits");
    assert_eq!(from("192.0.2.7", &one_time).await.status(), StatusCode::OK, "the owner's own address does not");
}

#[sqlx::test(migrations = "../migrations")]
async fn one_address_cannot_try_many_users(pool: PgPool) {
    let server = Server::new(pool).await;
    let mut looked_at = 0;
    for n in 0..40 {
        looked_at += u32::from(server.sign_in(&format!("user{n}"), "guess").await.status() == StatusCode::UNAUTHORIZED);
    }
    assert!((10..=20).contains(&looked_at), "{looked_at}");
}

#[sqlx::test(migrations = "../migrations")]
async fn an_old_weak_hash_is_renewed_at_the_next_sign_in(pool: PgPool) {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
    let server = Server::new(pool.clone()).await;
    user(&pool, "eva", Role::Operator).await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
    let hash = weak.hash_password(PASSWORD.as_bytes()).unwrap().to_string();
    sqlx::query("update user_account set password_hash = $1").bind(&hash).execute(&pool).await.unwrap();
    assert_eq!(server.sign_in("eva", PASSWORD).await.status(), StatusCode::OK);
    let (now,): (String,) = sqlx::query_as("select password_hash from user_account").fetch_one(&pool).await.unwrap();
    assert!(now.contains("m=19456,t=2,p=1"), "{now}");
    assert_eq!(server.sign_in("eva", PASSWORD).await.status(), StatusCode::OK);
}
