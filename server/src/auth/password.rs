//! Hashing of passwords (argon2id), and which are refused.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::Error as HashError,
};
use tokio::sync::Semaphore;

use super::AuthError;

/// Shortest password, in characters.
const SHORTEST: usize = gemba_app::session::PASSWORD_MIN_CHARS;
/// Longest, in characters: longer ones cost time and give nothing.
const LONGEST: usize = 128;
/// How long a password waits for its turn to be checked.
const PATIENCE: Duration = Duration::from_secs(5);
/// Passwords that are tried first by anyone, in lower case, one a line.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRule {
    /// Fewer than 8 characters.
    #[error("The password has fewer than {SHORTEST} characters. Take a sentence: 15 or more are advised.")]
    TooShort,
    /// More than 128 characters.
    #[error("The password has more than {LONGEST} characters.")]
    TooLong,
    /// The user's or the product's name, perhaps with digits at its end.
    #[error("The password is the user's or the product's name. Take another.")]
    Name,
    /// Among the first that anyone tries.
    #[error("The password is among those that are tried first. Take another.")]
    Common,
    /// As before.
    #[error("The new password is the one in force. Take another.")]
    Unchanged,
}

/// Whether `password` may be the password of `username`.
///
/// # Errors
/// The rule it breaks.
pub fn check_rules(password: &str, username: &str) -> Result<(), PasswordRule> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(PasswordRule::TooShort);
    }
    if length > LONGEST {
        return Err(PasswordRule::TooLong);
    }
    let lower = password.to_lowercase();
    let core = lower.trim_end_matches(|c: char| !c.is_alphabetic());
    if [username, "gemba", "gembaserver", "gemba-server"].iter().any(|name| lower == *name || core == *name) {
        return Err(PasswordRule::Name);
    }
    if COMMON.lines().any(|common| lower == common) {
        return Err(PasswordRule::Common);
    }
    Ok(())
}

/// Whether a password has a length that could be right. Others are refused without hashing.
pub(super) fn plausible(password: &str) -> bool {
    !password.is_empty() && password.chars().count() <= LONGEST
}

/// Hashes and checks passwords, a few at a time, off the async threads.
#[derive(Clone)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// Hash of nothing in particular: checked when there is no such user, so that the answer takes the same time.
    decoy: Arc<tokio::sync::OnceCell<String>>,
}

/// What came of a check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wrong,
    Right,
    /// Right, and hashed with weaker parameters than today's.
    RightButWeak,
}

impl Hasher {
    pub(super) fn new() -> Self {
        // 19 MiB, 2 passes, 1 lane: OWASP's first choice for argon2id, and this library's default.
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
        let turns = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(1, 4));
        Self { argon2, turns: Arc::new(Semaphore::new(turns)), decoy: Arc::default() }
    }

    /// The hash to store, in PHC form.
    pub(super) async fn hash(&self, password: &str) -> Result<String, AuthError> {
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.in_turn(move || Ok(argon2.hash_password(password.as_bytes())?.to_string())).await
    }

    /// Checks a password against a stored hash; against a decoy when there is none, which is never right.
    pub(super) async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict, AuthError> {
        let known = stored.is_some();
        let stored = match stored {
            Some(stored) => stored.to_owned(),
            None => self.decoy.get_or_try_init(|| self.hash("decoy")).await?.clone(),
        };
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        let verdict = self
            .in_turn(move || {
                let hash = PasswordHash::new(&stored).map_err(HashError::from)?;
                match argon2.verify_password(password.as_bytes(), &hash) {
                    Ok(()) if weaker(&hash, argon2.params()) => Ok(Verdict::RightButWeak),
                    Ok(()) => Ok(Verdict::Right),
                    Err(HashError::PasswordInvalid) => Ok(Verdict::Wrong),
                    Err(error) => Err(error.into()),
                }
            })
            .await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    /// Makes the decoy ahead of the first sign-in.
    pub(super) async fn warm_up(&self) -> Result<(), AuthError> {
        self.decoy.get_or_try_init(|| self.hash("decoy")).await.map(|_| ())
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| AuthError::Busy)?
            .map_err(|_| AuthError::Busy)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await?
    }
}

fn weaker(hash: &PasswordHash, now: &Params) -> bool {
    Params::try_from(hash).map_or(true, |then| {
        then.m_cost() < now.m_cost() || then.t_cost() < now.t_cost() || then.p_cost() < now.p_cost()
    }) || hash.algorithm.as_str() != "argon2id"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        assert_eq!(check_rules("short", "eva"), Err(PasswordRule::TooShort));
        assert_eq!(check_rules(&"x".repeat(129), "eva"), Err(PasswordRule::TooLong));
        assert_eq!(check_rules("Gemba2026!", "eva"), Err(PasswordRule::Name));
        assert_eq!(check_rules("eva.smith1", "eva.smith"), Err(PasswordRule::Name));
        assert_eq!(check_rules("Password123", "eva"), Err(PasswordRule::Common));
        assert_eq!(check_rules("the press stops at noon", "eva"), Ok(()));
        assert_eq!(check_rules(&"ä".repeat(128), "eva"), Ok(()));
    }

    #[test]
    fn the_common_list_is_in_lower_case_and_long_enough_to_matter() {
        assert!(COMMON.lines().all(|line| line == line.to_lowercase().trim() && line.len() >= SHORTEST));
        assert!(COMMON.lines().count() >= 200);
    }

    #[tokio::test]
    async fn hashes_are_argon2id_of_at_least_19_mib_and_salted() {
        let hasher = Hasher::new();
        let (one, two) = (hasher.hash("correct horse").await.unwrap(), hasher.hash("correct horse").await.unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert_eq!(hasher.verify("correct horse", Some(&one)).await.unwrap(), Verdict::Right);
        assert_eq!(hasher.verify("incorrect horse", Some(&one)).await.unwrap(), Verdict::Wrong);
        assert_eq!(hasher.verify("decoy", None).await.unwrap(), Verdict::Wrong, "the decoy's password opens nothing");
    }

    #[tokio::test]
    async fn a_hash_of_weaker_parameters_is_noticed() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let stored = weak.hash_password(b"correct horse").unwrap().to_string();
        assert_eq!(Hasher::new().verify("correct horse", Some(&stored)).await.unwrap(), Verdict::RightButWeak);
    }
}
