//! Signing in and out, and the password. Plain HTML forms: they work before, without and after
//! hydration. The server answers a failed form with a redirect back here and a code in `?error=`.

mod login;
mod password;

pub(crate) use login::LoginPage;
pub(crate) use password::PasswordPage;

/// Shortest password that is taken, in characters.
pub const PASSWORD_MIN_CHARS: usize = 8;

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $code:literal, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every code.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The code in `?error=`.
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code),+ }
            }

            /// What the person reads.
            pub const fn text(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            /// The meaning of a code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|e| e.code() == code)
            }
        }
    };
}

codes! {
    /// Why `POST /login` did not sign in.
    LoginError {
        /// Name or password is wrong; which one is not said.
        Invalid => "invalid", "User name or password is not right. Nothing was changed; try again.";
        /// Too many tries for this name or from this address.
        TooMany => "too-many", "Too many tries in a short time. Wait a minute, then try again.";
        /// The session ended.
        Expired => "expired", "Your session has ended. Sign in again to go on where you were.";
        /// The form came from elsewhere, or was too old.
        Origin => "origin", "The form could not be trusted to come from this page. Try again from here.";
        /// The server could not check the password now.
        Unavailable => "unavailable", "The server could not check the sign-in right now. Try again in a moment.";
    }
}

codes! {
    /// Why `POST /account/password` did not change the password.
    PasswordError {
        /// The current password is wrong.
        Wrong => "wrong", "The current password is not right. The password was not changed.";
        /// Shorter than [`PASSWORD_MIN_CHARS`].
        Short => "short", "The new password is too short. The password was not changed.";
        /// Much too long.
        Long => "long", "The new password is too long. The password was not changed.";
        /// The repetition differs.
        Repeat => "repeat", "The two new passwords differ. The password was not changed.";
        /// The new one is the old one.
        Same => "same", "The new password is the current one. Choose another.";
        /// It is on the list of common passwords, or contains the user's name.
        Common => "common", "The new password is too easy to guess. Choose another.";
        /// Too many tries.
        TooMany => "too-many", "Too many tries in a short time. Wait a minute, then try again.";
        /// The server could not do it now.
        Unavailable => "unavailable", "The server could not change the password right now. It is as before; try again in a moment.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_again() {
        for error in LoginError::ALL {
            assert_eq!(LoginError::from_code(error.code()), Some(*error));
        }
        for error in PasswordError::ALL {
            assert_eq!(PasswordError::from_code(error.code()), Some(*error));
        }
        assert_eq!(LoginError::from_code("<script>"), None);
    }
}
