//! Certificates, users, encryption.

use std::fs;

use gemba_domain::signal::Value;
use gemba_edge::collector::{Failure, survey};

use super::{Site, proxy::Proxy, set, told};
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_server_is_read_once_a_person_trusts_it_and_its_messages_are_encrypted() {
    let server = Server::start().await;
    let site = Site::secure(&server, "Basic256Sha256", &[]);
    let mut peer = site.peer();
    let proxy = Proxy::to(site.port).await;
    let collector = site.start_at(proxy.port);
    let told_once = told(&collector, &["cannot be used", "is not trusted yet", "compare the thumbprint", "move"]).await;
    let rejected = site.rejected();
    assert_eq!(rejected.len(), 1);
    assert!(told_once.contains(&rejected[0].display().to_string()), "{told_once}");
    collector.stop().await;
    site.trust();
    let collector = site.start_at(proxy.port);
    told(&collector, &["streaming"]).await;
    set(&mut peer, "Program", r#""a word that nobody shall read""#);
    let word = Some(Value::Text("a word that nobody shall read".into()));
    server.until("the word", |inner| inner.latest("program") == word).await;
    assert!(!proxy.heard("a word that nobody") && !proxy.heard("PartCount"), "read in the network");
    assert!(proxy.heard("Basic256Sha256"), "the proxy hears nothing");
    collector.stop().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = fs::metadata(site.path().join("pki/private/private.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_certificate_is_not_trusted_because_the_first_one_was() {
    let server = Server::start().await;
    let site = Site::secure(&server, "Aes256Sha256RsaPss", &[]);
    let peer = site.peer();
    let refused = survey(&site.config_at(site.port).sources[0]).await.unwrap_err();
    assert!(matches!(&refused, Failure::Unusable(words) if words.contains("is not trusted yet")), "{refused:?}");
    site.trust();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    server.until("a value", |inner| inner.latest("running") == Some(Value::Number(1.0))).await;
    peer.kill();
    fs::remove_dir_all(site.path().join("server")).unwrap();
    let _peer = site.peer();
    told(&collector, &["cannot be used", "shows another certificate than the trusted one"]).await;
    server.until("unavailable", |inner| inner.latest("running") == Some(Value::Unavailable)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_let_in_by_their_password() {
    let server = Server::start().await;
    let mut site = Site::secure(&server, "Aes128Sha256RsaOaep", &["--user", "gemba:right"]);
    site.source.push_str("user = 'gemba'\npassword_file = 'password'\n");
    let _peer = site.peer();
    fs::write(site.path().join("password"), "wrong\n").unwrap();
    survey(&site.config_at(site.port).sources[0]).await.unwrap_err();
    site.trust();
    let collector = site.start();
    told(&collector, &["cannot be used", "refuses the user `gemba` or its password"]).await;
    collector.stop().await;
    fs::write(site.path().join("password"), "right\n").unwrap();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    collector.stop().await;
    // Nobody is no user.
    site.source = site.source.replace("user = 'gemba'\npassword_file = 'password'\n", "");
    let refused = survey(&site.config_at(site.port).sources[0]).await.unwrap_err();
    assert!(refused.to_string().contains("does not let anonymous clients in"), "{refused}");
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_the_wanted_protection_is_not_read() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    let _peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming", "not secure"]).await;
    collector.stop().await;
    site.source = site.source.replace("security = 'none'\n", "");
    let refused = survey(&site.config_at(site.port).sources[0]).await.unwrap_err();
    let Failure::Unusable(words) = refused else { panic!("{refused:?}") };
    assert!(words.contains("does not offer Basic256Sha256 with SignAndEncrypt; it offers none"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_trust_the_collector_says_so() {
    let server = Server::start().await;
    let site = Site::secure(&server, "Basic256Sha256", &["--distrust"]);
    let _peer = site.peer();
    survey(&site.config_at(site.port).sources[0]).await.unwrap_err();
    site.trust();
    let refused = survey(&site.config_at(site.port).sources[0]).await.unwrap_err();
    let Failure::Unusable(words) = refused else { panic!("{refused:?}") };
    assert!(words.contains("refuses the collector's certificate") && words.contains("cert.der"), "{words}");
}
