//! How messages are protected, and which of the server's endpoints does so.

use std::fmt;

use opcua::{
    crypto::SecurityPolicy,
    types::{EndpointDescription, MessageSecurityMode, UserTokenType},
};

use super::settings::Identity;
use crate::collector::Failure;

/// A security policy that is still held to be safe, with messages signed and encrypted; or none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// `Basic256Sha256`, the one that nearly every server has.
    #[default]
    Basic256Sha256,
    /// `Aes128Sha256RsaOaep`.
    Aes128Sha256RsaOaep,
    /// `Aes256Sha256RsaPss`.
    Aes256Sha256RsaPss,
    /// `none`: anyone in the network can read and forge everything.
    None,
}

const WORDS: &[(&str, Security)] = &[
    ("Basic256Sha256", Security::Basic256Sha256),
    ("Aes128Sha256RsaOaep", Security::Aes128Sha256RsaOaep),
    ("Aes256Sha256RsaPss", Security::Aes256Sha256RsaPss),
    ("none", Security::None),
];

impl Security {
    /// From the word in the settings.
    pub fn parse(word: &str) -> Result<Self, String> {
        let known = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        if let Some((_, security)) = known {
            return Ok(*security);
        }
        let words: Vec<_> = WORDS.iter().map(|(word, _)| format!("`{word}`")).collect();
        let why = match word.to_ascii_lowercase().as_str() {
            "basic128rsa15" | "basic256" => format!("`{word}` is broken (SHA-1) and not used any more"),
            "sign" | "signandencrypt" => "messages are always signed and encrypted; name the policy".to_owned(),
            _ => format!("`{word}` is no security of this version"),
        };
        Err(format!("{why}; there are {}", words.join(", ")))
    }

    pub(super) fn policy(self) -> SecurityPolicy {
        match self {
            Self::Basic256Sha256 => SecurityPolicy::Basic256Sha256,
            Self::Aes128Sha256RsaOaep => SecurityPolicy::Aes128Sha256RsaOaep,
            Self::Aes256Sha256RsaPss => SecurityPolicy::Aes256Sha256RsaPss,
            Self::None => SecurityPolicy::None,
        }
    }

    fn mode(self) -> MessageSecurityMode {
        match self {
            Self::None => MessageSecurityMode::None,
            _ => MessageSecurityMode::SignAndEncrypt,
        }
    }
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            other => write!(f, "{} with SignAndEncrypt", other.policy().to_str()),
        }
    }
}

/// The endpoint to use, of those that the server at `url` says it has; the address in it is the one that was dialled, as servers
/// often tell names that only they know.
pub(super) fn choose(
    endpoints: Vec<EndpointDescription>,
    security: Security,
    identity: &Identity,
    url: &str,
) -> Result<EndpointDescription, Failure> {
    let offered: Vec<String> = endpoints.iter().map(describe).collect();
    let (policy, mode) = (security.policy(), security.mode());
    let suits = |endpoint: &EndpointDescription| {
        endpoint.endpoint_url.as_ref().starts_with("opc.tcp:")
            && endpoint.security_mode == mode
            && SecurityPolicy::from_uri(endpoint.security_policy_uri.as_ref()) == policy
    };
    let mut suitable: Vec<_> = endpoints.into_iter().filter(suits).collect();
    if suitable.is_empty() {
        let mut offered = offered;
        offered.sort();
        offered.dedup();
        return Err(Failure::Unusable(format!(
            "{url} does not offer {security}; it offers {}. Switch it on at the machine, or change `security`",
            if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") }
        )));
    }
    let (token, what, remedy) = match identity {
        Identity::Anonymous => (UserTokenType::Anonymous, "anonymous clients", "set `user` and `password_file`"),
        Identity::User { .. } => (UserTokenType::UserName, "users with passwords", "allow them at the machine"),
        Identity::Certificate { .. } => (UserTokenType::Certificate, "user certificates", "allow them at the machine"),
    };
    suitable.retain(|endpoint| match &endpoint.user_identity_tokens {
        None => token == UserTokenType::Anonymous,
        Some(tokens) => tokens.iter().any(|policy| policy.token_type == token),
    });
    let best = suitable.into_iter().max_by_key(|endpoint| endpoint.security_level);
    let mut best = best.ok_or_else(|| Failure::Unusable(format!("{url} does not let {what} in: {remedy}")))?;
    best.endpoint_url = dialled(best.endpoint_url.as_ref(), url).into();
    Ok(best)
}

fn describe(endpoint: &EndpointDescription) -> String {
    let uri = endpoint.security_policy_uri.as_ref();
    let policy: String = uri.rsplit('#').next().unwrap_or(uri).chars().take(40).collect();
    match endpoint.security_mode {
        MessageSecurityMode::None => "none".to_owned(),
        MessageSecurityMode::Sign => format!("{policy} with Sign only"),
        MessageSecurityMode::SignAndEncrypt => format!("{policy} with SignAndEncrypt"),
        MessageSecurityMode::Invalid => format!("{policy} with an unknown mode"),
    }
}

/// The path of the one, at the host and port of the other.
fn dialled(told: &str, url: &str) -> String {
    let split = |url: &str| {
        let begin = url.find("://").map_or(0, |at| at + 3);
        begin + url[begin..].find('/').unwrap_or(url.len() - begin)
    };
    format!("{}{}", &url[..split(url)], &told[split(told)..])
}

#[cfg(test)]
mod tests {
    use opcua::types::UserTokenPolicy;

    use super::*;

    fn endpoint(policy: SecurityPolicy, mode: MessageSecurityMode, level: u8) -> EndpointDescription {
        EndpointDescription {
            endpoint_url: "opc.tcp://plc-17:4841/path".into(),
            security_policy_uri: policy.to_uri().into(),
            security_mode: mode,
            security_level: level,
            user_identity_tokens: Some(vec![UserTokenPolicy::anonymous()]),
            ..EndpointDescription::default()
        }
    }

    #[test]
    fn only_what_was_asked_for_is_used() {
        let all = vec![
            endpoint(SecurityPolicy::None, MessageSecurityMode::None, 0),
            endpoint(SecurityPolicy::Basic256Sha256, MessageSecurityMode::Sign, 1),
        ];
        let url = "opc.tcp://10.0.0.7:4840";
        let refused = choose(all.clone(), Security::default(), &Identity::Anonymous, url).unwrap_err();
        let Failure::Unusable(words) = refused else { panic!("{refused:?}") };
        assert!(words.contains("offers Basic256Sha256 with Sign only, none"), "{words}");
        let none = choose(all, Security::None, &Identity::Anonymous, url).unwrap();
        assert_eq!(none.endpoint_url.as_ref(), "opc.tcp://10.0.0.7:4840/path");
    }

    #[test]
    fn who_is_not_let_in_is_told() {
        let all = vec![endpoint(SecurityPolicy::Basic256Sha256, MessageSecurityMode::SignAndEncrypt, 1)];
        let user = Identity::User { name: "u".to_owned(), password_file: "p".into() };
        let refused = choose(all, Security::default(), &user, "opc.tcp://h").unwrap_err();
        assert!(refused.to_string().contains("does not let users with passwords in"), "{refused}");
    }
}
