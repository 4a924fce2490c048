//! What /proc says of Postgres's processes. Where there is none (other systems than Linux) nothing is ever found.

use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use nix::unistd::Pid;

/// Whether a process is the postmaster of this cluster: by its command line, which all may read.
pub(super) fn is_postmaster(pid: Pid, cluster: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = line.split(|byte| *byte == 0);
    words.next().is_some_and(|program| program.ends_with(b"postgres"))
        && words.any(|word| word == cluster.as_os_str().as_bytes())
}

/// Whether a process has ended and only waits for its parent to look.
pub(super) fn is_zombie(pid: Pid) -> bool {
    state(Path::new(&format!("/proc/{pid}"))) == Some('Z')
}

/// Whether any process of this cluster lives. One whose directory may not be seen counts as one.
pub(super) fn has_backends(cluster: &Path, owner: u32) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    processes.filter(|process| is_postgres(process, owner)).any(|process| match fs::read_link(process.join("cwd")) {
        Ok(directory) => directory == cluster,
        Err(_) => true,
    })
}

fn is_postgres(process: &PathBuf, owner: u32) -> bool {
    fs::metadata(process).is_ok_and(|meta| meta.uid() == owner)
        && fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim() == "postgres")
        && state(process).is_some_and(|state| state != 'Z')
}

/// The third field of `stat`; the second is a name in brackets that may hold anything.
fn state(process: &Path) -> Option<char> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}
