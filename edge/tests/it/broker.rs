//! A mosquitto of the test's own, and a collector's settings for it.

use std::{
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use gemba_edge::{Collector, config::Config};

use crate::{
    peer::{Peer, free_port},
    plant::UNIT,
    server::Server,
};

/// A running broker. Killed when dropped.
pub struct Broker {
    child: Option<Child>,
    directory: tempfile::TempDir,
    pub port: u16,
}

impl Broker {
    /// One that lets everybody in and keeps what it must keep on disk.
    pub fn start() -> Self {
        Self::with("", "allow_anonymous true\n", |_| {})
    }

    /// `listener`: settings of the listener; `more`: others; `DIR` stands for its directory. `prepare`: puts files there.
    pub fn with(listener: &str, more: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let port = free_port();
        let path = directory.path().display().to_string();
        let text = format!(
            "user root\nper_listener_settings false\nlistener {port} 127.0.0.1\n{listener}persistence true\npersistence_location {path}/\n\
             autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 100000\nmax_keepalive 65535\n{more}"
        );
        fs::write(directory.path().join("mosquitto.conf"), text.replace("DIR", &path)).unwrap();
        let mut broker = Self { child: None, directory, port };
        broker.up();
        broker
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts it, where it was before.
    pub fn up(&mut self) {
        let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("mosquitto is not installed: run ./dev setup");
        let mut command = Command::new(program);
        command.arg("-c").arg(self.path().join("mosquitto.conf"));
        let quiet = std::env::var_os("GEMBA_EDGE_LOG").is_none();
        if quiet {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        self.child = Some(command.spawn().unwrap());
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("mosquitto does not listen");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Stops it, so that its connections stay open and nothing answers; `CONT` lets it go on.
    pub fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }

    /// It forgets all that it kept.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.path().join("mosquitto.db"));
    }

    /// A client that publishes.
    pub fn publisher(&self) -> Peer {
        Peer::start("mqtt.py", &[&self.port.to_string()])
    }

    /// An edge node `plant/press`.
    pub fn edge_node(&self) -> Peer {
        Peer::start("sparkplug.py", &[&self.port.to_string(), "plant", "press"])
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A collector's directory, with one source.
pub struct Site {
    pub directory: tempfile::TempDir,
    server: String,
    /// Protocol, URL and other keys.
    pub source: String,
    pub device: String,
    pub signals: String,
}

impl Site {
    /// Reads everything below `plant/press`.
    pub fn new(server: &Server, protocol: &str, port: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        server.let_in(directory.path());
        Self {
            directory,
            server: server.url(),
            source: format!("protocol = '{protocol}'\nurl = 'mqtt://127.0.0.1:{port}'\nkeep_alive = '5 s'\n"),
            device: "plant/press".to_owned(),
            signals: "{ pattern = '*', signal = '{rest}' }".to_owned(),
        }
    }

    pub fn config(&self) -> Config {
        let Self { server, source, device, signals, .. } = self;
        let text = format!(
            "[server]\nurl = '{server}'\n[queue]\ndirectory = 'queue'\n[[source]]\nname = 'broker'\n{source}\n\
             [[source.unit]]\ndevice = '{device}'\npath = '{UNIT}'\nsignals = [ {signals} ]\n"
        );
        Config::parse(&text, self.directory.path()).unwrap()
    }

    pub fn start(&self) -> Collector {
        let log = std::env::var("GEMBA_EDGE_LOG").unwrap_or_else(|_| "off".to_owned());
        let filter = tracing_subscriber::EnvFilter::new(log);
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        Collector::start_with(&self.config(), |uplink| uplink.unauthorized_pause(Duration::from_millis(50))).unwrap()
    }
}
