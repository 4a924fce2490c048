use std::{
    os::unix::fs::PermissionsExt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use proptest::prelude::*;
use rustls::{
    ClientConnection, ServerConnection,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn authority() -> Authority {
    Authority::from_pem(&Authority::generate(SystemTime::now()).unwrap()).unwrap()
}

fn life() -> Lifetime {
    Lifetime { now: SystemTime::now(), lasts: DAY }
}

fn member(authority: &Authority, name: &str, life: Lifetime) -> (Key, Issued) {
    let key = Key::generate().unwrap();
    let request = Request::read(&key.request(None).unwrap()).unwrap();
    let issued = authority.sign(&request, name, life).unwrap();
    (key, issued)
}

/// A handshake in memory; what each side says of it.
fn shake(
    trust: Trust,
    member: Option<&(Key, Issued)>,
    dial: &str,
    server: &Authority,
    names: &[&str],
) -> Result<Option<Facts>, String> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let (chain, key) = server.server(&names, life()).unwrap();
    let config = server_config(server.certificate().clone(), Arc::new(Credentials::new(chain, &key).unwrap())).unwrap();
    let mut ours = ServerConnection::new(Arc::new(config)).unwrap();
    let identity = member.map(|(key, issued)| (issued.certificate.clone(), key));
    let config = client_config(trust, identity).unwrap();
    let mut theirs = ClientConnection::new(Arc::new(config), ServerName::try_from(dial.to_owned()).unwrap()).unwrap();
    while ours.is_handshaking() || theirs.is_handshaking() || theirs.wants_write() {
        let mut bytes = Vec::new();
        while theirs.wants_write() {
            theirs.write_tls(&mut bytes).unwrap();
        }
        ours.read_tls(&mut bytes.as_slice()).unwrap();
        ours.process_new_packets().map_err(|error| format!("server: {error}"))?;
        bytes.clear();
        while ours.wants_write() {
            ours.write_tls(&mut bytes).unwrap();
        }
        theirs.read_tls(&mut bytes.as_slice()).unwrap();
        theirs.process_new_packets().map_err(|error| format!("collector: {error}"))?;
    }
    Ok(ours.peer_certificates().map(|chain| Facts::read(&chain[0]).unwrap()))
}

#[test]
fn both_ends_know_each_other_whatever_the_clock_says() {
    let authority = authority();
    let long_ago = Lifetime { now: SystemTime::now() - 400 * DAY, lasts: DAY };
    for life in [life(), long_ago] {
        let member = member(&authority, "press-shop", life);
        let trust = Trust::Authority(authority.certificate().clone());
        let facts = shake(trust, Some(&member), "gemba.example", &authority, &["gemba.example"]).unwrap().unwrap();
        assert_eq!(facts.name, "press-shop");
        assert_eq!((facts.serial, facts.key), (member.1.serial.clone(), member.0.fingerprint()));
        assert!(facts.not_after > facts.not_before);
    }
    let trust = Trust::Code(authority.fingerprint());
    assert_eq!(shake(trust, None, "10.0.0.5", &authority, &["10.0.0.5"]), Ok(None), "a stranger may speak, unnamed");
}

#[test]
fn another_authority_a_wrong_name_and_a_wrong_purpose_are_refused_in_words() {
    let (ours, other) = (authority(), authority());
    let named = ["localhost", "10.0.0.5"];
    for trust in [Trust::Authority(other.certificate().clone()), Trust::Code(other.fingerprint())] {
        let said = shake(trust, None, "localhost", &ours, &named).unwrap_err();
        assert!(said.contains("another authority") && said.contains("gemba-edge enrol"), "{said}");
    }
    let trust = Trust::Authority(ours.certificate().clone());
    let said = shake(trust.clone(), None, "gemba", &ours, &named).unwrap_err();
    assert!(said.contains("not for `gemba` but for: localhost, 10.0.0.5"), "{said}");
    let stranger = member(&other, "press-shop", life());
    let said = shake(trust.clone(), Some(&stranger), "localhost", &ours, &named).unwrap_err();
    assert!(said.starts_with("server:") && said.contains("UnknownIssuer"), "{said}");
    // A collector's certificate is none for a server, and the reverse.
    let (key, issued) = member(&ours, "press-shop", life());
    assert!(certificate::signed_by(&issued.certificate, ours.certificate(), Usage::Server).is_err());
    let (chain, _) = ours.server(&["localhost".to_owned()], life()).unwrap();
    let purpose = certificate::signed_by(&chain[0], ours.certificate(), Usage::Collector);
    assert_eq!(purpose, Err(Distrust::Purpose));
    drop(key);
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let key = Key::generate().unwrap();
    let pem = key.request(Some("press-shop")).unwrap();
    let read = Request::read(&pem).unwrap();
    assert_eq!((read.name.as_deref(), read.key), (Some("press-shop"), key.fingerprint()));
    let mut der = rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let body = data_encoding::BASE64.encode(&der);
    let altered = format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    assert!(Request::read(&altered).is_err());
    assert!(Request::read("rubbish").is_err());
}

#[test]
fn keys_and_certificates_survive_their_text() {
    let key = Key::generate().unwrap();
    let again = Key::from_pem(&key.to_pem()).unwrap();
    assert_eq!(key.fingerprint(), again.fingerprint());
    assert_eq!(format!("{key:?}"), "Key");
    let error = Key::from_pem("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----").unwrap_err();
    assert!(!error.to_string().contains("c2Vj"));
    let (_, issued) = member(&authority(), "a", life());
    assert_eq!(CertificateDer::from_pem_slice(pem(&issued.certificate).as_bytes()).unwrap(), issued.certificate);
}

#[test]
fn an_authority_is_made_once_and_read_by_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("authority").join("authority.pem");
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| Authority::open(&file, SystemTime::now()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().fingerprint()).collect()
    });
    assert!(made.iter().all(|print| *print == made[0]), "{made:?}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    std::fs::write(&file, "torn").unwrap();
    let said = Authority::open(&file, SystemTime::now()).unwrap_err().to_string();
    assert!(said.contains("backup"), "{said}");
}

#[test]
fn a_code_is_read_as_people_type_it() {
    let code = Code::generate(authority().fingerprint());
    let text = code.to_string();
    assert_eq!((text.len(), text.split('-').count()), (65, 11));
    for typed in [text.clone(), text.to_uppercase(), text.replace('-', " "), text.replace('o', "0").replace('i', "1")] {
        assert_eq!(typed.parse::<Code>(), Ok(code.clone()), "{typed}");
    }
    assert_eq!(Code::hash_of(&code.secret()), Some(code.hash()));
    assert_eq!(text[..64].parse::<Code>(), Err(CodeError::Form));
    assert!(!format!("{code:?}").contains(&code.secret()), "a secret is not shown");
}

proptest! {
    #[test]
    fn a_code_with_one_wrong_character_is_refused(at in 0_usize..55, by in 1_u8..32) {
        let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
        let code = Code::generate(Fingerprint::of(&CertificateDer::from(vec![1])));
        let mut plain: Vec<u8> = code.to_string().bytes().filter(|byte| *byte != b'-').collect();
        let place = alphabet.iter().position(|letter| *letter == plain[at]).unwrap();
        plain[at] = alphabet[(place + usize::from(by)) % 32];
        prop_assert!(String::from_utf8(plain).unwrap().parse::<Code>() != Ok(code));
    }
}
