use anyhow::Result;
use clap::Subcommand;
use gemba_domain::access::Role;
use sqlx::PgPool;

use crate::auth::{self, Username};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; prints a password that must be changed at the first sign-in
    Add {
        /// Name to sign in with
        name: String,
        /// operator, manager or admin
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// List all users
    List,
    /// Give a user a new password, which must be changed at the next sign-in, and end the user's sessions
    ResetPassword {
        /// Name the user signs in with
        name: String,
    },
}

fn role(word: &str) -> Result<Role, String> {
    Role::from_word(word).ok_or_else(|| "expected operator, manager or admin".to_owned())
}

pub(super) async fn run(pool: &PgPool, command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Add { name, role } => {
            let name: Username = name.parse()?;
            let password = auth::add_user(pool, &name, role).await?;
            super::print(&format!(
                "Added {} as {}. Password for the first sign-in, shown only now: {password}\n",
                name.as_str(),
                role.as_str()
            ))
        }
        UserCommand::ResetPassword { name } => {
            let name: Username = name.parse()?;
            let password = auth::reset_password(pool, &name).await?;
            super::print(&format!(
                "All sessions of {} have ended. Password for the next sign-in, shown only now: {password}\n",
                name.as_str()
            ))
        }
        UserCommand::List => {
            let users = auth::list_users(pool).await?;
            let mut text = format!("{:<24} {:<10} {:<22} password\n", "name", "role", "last seen (UTC)");
            for user in users {
                let seen = user.last_seen_at.map(|at| at.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
                let password = if user.must_change_password { "to be changed" } else { "own" };
                text.push_str(&format!("{:<24} {:<10} {seen:<22} {password}\n", user.username, user.role.as_str()));
            }
            super::print(&text)
        }
    }
}
