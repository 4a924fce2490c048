//! OPC UA servers, by a program that others wrote.

mod losing;
mod proxy;
mod trust;
mod values;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use gemba_edge::{Collector, config::Config};

use crate::{
    peer::{Peer, free_port},
    plant::{self, UNIT},
    server::Server,
};

/// A directory with settings, and a server in it to be read.
struct Site {
    directory: tempfile::TempDir,
    server: String,
    port: u16,
    /// More lines of `[[source]]`.
    source: String,
    device: String,
    signals: String,
    /// Words for the peer besides its port.
    words: Vec<String>,
}

const ALL: &str = "{ pattern = '*', signal = '{rest}' }";

impl Site {
    fn new(server: &Server, words: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        server.let_in(directory.path());
        Self {
            directory,
            server: server.url(),
            port: free_port(),
            source: "security = 'none'\npublishing_interval = '50 ms'\nsampling_interval = '20 ms'\ntimeout = '10 s'\n"
                .to_owned(),
            device: "Machines/Press1".to_owned(),
            signals: ALL.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// Signed and encrypted, with a server's certificate that is kept in the directory.
    fn secure(server: &Server, policy: &str, words: &[&str]) -> Self {
        let mut site = Self::new(server, words);
        site.words.extend(["--policies".to_owned(), policy.to_owned(), "--pki".to_owned(), site.text("server")]);
        site.source = site.source.replace("'none'", &format!("'{policy}'"));
        site
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn text(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }

    fn peer(&self) -> Peer {
        let port = self.port.to_string();
        let words: Vec<&str> = ["--port", &port].into_iter().chain(self.words.iter().map(String::as_str)).collect();
        Peer::start("opcua.py", &words)
    }

    fn config_at(&self, port: u16) -> Config {
        let Self { server, source, device, signals, .. } = self;
        let text = format!(
            "[server]\nurl = '{server}'\n[queue]\ndirectory = 'queue'\n[[source]]\nname = 'press'\n\
             protocol = 'opcua'\nurl = 'opc.tcp://127.0.0.1:{port}'\n{source}[[source.unit]]\ndevice = '{device}'\npath = '{UNIT}'\n\
             signals = [ {signals} ]\n"
        );
        Config::parse(&text, self.path()).unwrap()
    }

    fn start(&self) -> Collector {
        self.start_at(self.port)
    }

    /// As if the server were at another port.
    fn start_at(&self, port: u16) -> Collector {
        plant::start(&self.config_at(port))
    }

    fn rejected(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join("pki/rejected")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// What a person does who compared the thumbprints.
    fn trust(&self) {
        for file in self.rejected() {
            fs::rename(&file, self.path().join("pki/trusted").join(file.file_name().unwrap())).unwrap();
        }
    }
}

/// Waits until the source's health says all of this.
async fn told(collector: &Collector, words: &[&str]) -> String {
    let wait = async {
        loop {
            let told = collector.health().sources().remove(0).status;
            if words.iter().all(|word| told.contains(word)) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(90), wait).await {
        Ok(told) => told,
        Err(_) => panic!("never {words:?}: {:?}", collector.health().sources()),
    }
}

fn set(peer: &mut Peer, node: &str, value: &str) {
    assert_eq!(peer.tell(&format!(r#"set [{{"node": "{node}", "value": {value}}}]"#)), "ok");
}
