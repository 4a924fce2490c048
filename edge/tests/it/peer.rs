//! Programs that others wrote, as the other side of a protocol. See edge/tests/peers/README.md.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A running peer. Killed when dropped.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Where it listens on loopback.
    pub port: u16,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

/// A port that was free a moment ago, for a peer that must come back where it was.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Peer {
    /// Starts `edge/tests/peers/SCRIPT` with these words, and waits until it is ready.
    pub fn start(script: &str, words: &[&str]) -> Self {
        let python = directory().join(".venv/bin/python");
        assert!(python.exists(), "the peers are not installed: run ./dev setup");
        let mut child = Command::new(python)
            .arg("-u")
            .arg(directory().join(script))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, input, output, port: 0 };
        let line = peer.line();
        let port =
            line.strip_prefix("ready ").unwrap_or_else(|| panic!("{script} said `{line}` instead of `ready PORT`"));
        peer.port = port.trim().parse().unwrap();
        peer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Gives a command and returns the answer.
    pub fn tell(&mut self, command: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{command}").unwrap();
        self.line()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
