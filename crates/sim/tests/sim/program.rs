//! The program itself.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::document::{Parts, get};

struct Program {
    child: Child,
    url: String,
}

impl Program {
    /// Starts on a free port and reads the address from the first line.
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gemba-sim"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
        Self { child, url }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_serves_the_plant_until_it_is_told_to_stop() {
    for signal in ["-TERM", "-INT"] {
        let mut program =
            Program::start(&["--seed", "5", "--speed", "100", "--instance-id", "9", "--buffer-size", "5000"]);
        let current = get(&format!("{}/current", program.url)).await;
        assert_eq!(current.header().number("instanceId"), 9);
        assert_eq!(current.header().number("bufferSize"), 5000);
        let mut parts = Parts::open(&format!("{}/press-1/sample?interval=0&heartbeat=50", program.url)).await;
        parts.next().await;
        program.signal(signal);
        let end = loop {
            match parts.next_text().await {
                Ok(Some(_)) => {}
                end => break end,
            }
        };
        assert_eq!(end, Ok(None), "streams are closed regularly");
        assert!(program.child.wait().unwrap().success());
    }
}

#[test]
fn mistakes_on_the_command_line_are_refused() {
    for arguments in [&["--speed", "0"][..], &["--device", "M1"], &["--replay", "/nowhere"], &["--listen", "nowhere:x"]]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_gemba-sim")).args(arguments).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}
