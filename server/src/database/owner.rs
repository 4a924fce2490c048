//! As whom the private cluster runs. Postgres refuses root, so that under root it is an unprivileged user.

use std::{os::unix::fs::MetadataExt, path::Path};

use nix::unistd::{Uid, User, geteuid};

use super::DatabaseError;

/// The user that owns and runs the cluster.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// Gemba's own user.
    pub own_name: String,
    /// Gemba is root and the owner someone else.
    pub other: bool,
}

impl Owner {
    pub(super) fn choose() -> Result<Self, DatabaseError> {
        let own = user(geteuid())?;
        if !geteuid().is_root() {
            let (uid, gid) = (own.uid.as_raw(), own.gid.as_raw());
            return Ok(Self { name: own.name.clone(), uid, gid, own_name: own.name, other: false });
        }
        let unprivileged = ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .ok_or(DatabaseError::NoUser)?;
        Ok(Self {
            name: unprivileged.name,
            uid: unprivileged.uid.as_raw(),
            gid: unprivileged.gid.as_raw(),
            own_name: own.name,
            other: true,
        })
    }

    /// Whether the owner can pass through every directory above `path`.
    pub(super) fn check_way_to(&self, path: &Path) -> Result<(), DatabaseError> {
        if !self.other {
            return Ok(());
        }
        for directory in path.ancestors() {
            let meta = std::fs::metadata(directory).map_err(DatabaseError::file("look at", directory))?;
            let bit = match (meta.uid() == self.uid, meta.gid() == self.gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            if meta.mode() & bit == 0 {
                return Err(DatabaseError::Unreachable { path: directory.to_owned(), user: self.name.clone() });
            }
        }
        Ok(())
    }

    /// Makes `path` the owner's.
    pub(super) fn take(&self, path: &Path) -> Result<(), DatabaseError> {
        if self.other {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
                .map_err(DatabaseError::file("change the owner of", path))?;
        }
        Ok(())
    }

    /// A command that runs as the owner.
    pub(super) fn command(&self, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        // Messages in English, whatever the machine speaks; nothing else of the environment reaches Postgres.
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin").env("TZ", "UTC").current_dir("/");
        if self.other {
            command.gid(self.gid).uid(self.uid);
        }
        command
    }
}

fn user(uid: Uid) -> Result<User, DatabaseError> {
    User::from_uid(uid).ok().flatten().ok_or(DatabaseError::NamelessUser(uid.as_raw()))
}
