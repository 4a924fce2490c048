//! The one table of settings: name, type, default and meaning of each. The typed [`Settings`], the
//! flags, the environment variables, `gemba config` and docs/features/configuration.md all follow from it.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::value::{Bytes, Given, List, LogFormat, Url};

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name in the file: `section.key`, or `key` for those that stand above all sections.
    pub key: &'static str,
    /// Type, in words.
    pub form: &'static str,
    /// Written as in an environment variable; empty when there is none.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its value is never shown.
    pub secret: bool,
}

/// One `[section]` of the file.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its name; empty for the settings above all sections.
    pub name: &'static str,
    /// What it is about.
    pub doc: &'static str,
    /// Its settings, in order.
    pub settings: &'static [Setting],
}

macro_rules! settings {
    (
        $(#[doc = $top_doc:literal])+
        top { $( $(#[doc = $tdoc:literal])+ $tkey:ident : $ttype:ty = $tdefault:literal, )* }
        $(
            $(#[doc = $sdoc:literal])+
            $section:ident : $Section:ident {
                $( $(#[doc = $doc:literal])+ $([$secret:ident])? $key:ident : $type:ty = $default:literal, )*
            }
        )*
    ) => {
        /// All settings, checked and typed.
        #[derive(Debug, Clone)]
        pub struct Settings {
            $( $(#[doc = $tdoc])+ pub $tkey: $ttype, )*
            $( $(#[doc = $sdoc])+ pub $section: $Section, )*
        }

        $(
            $(#[doc = $sdoc])+
            #[derive(Debug, Clone)]
            pub struct $Section { $( $(#[doc = $doc])+ pub $key: $type, )* }
        )*

        /// Every section with its settings, in the order they are printed.
        pub const SECTIONS: &[Section] = &[
            Section {
                name: "",
                doc: concat!($($top_doc),+),
                settings: &[$( Setting {
                    key: stringify!($tkey),
                    form: <$ttype as super::value::Value>::FORM,
                    default: $tdefault,
                    doc: concat!($($tdoc),+),
                    secret: false,
                }, )*],
            },
            $( Section {
                name: stringify!($section),
                doc: concat!($($sdoc),+),
                settings: &[$( Setting {
                    key: concat!(stringify!($section), ".", stringify!($key)),
                    form: <$type as super::value::Value>::FORM,
                    default: $default,
                    doc: concat!($($doc),+),
                    secret: settings!(@secret $($secret)?),
                }, )*],
            }, )*
        ];

        impl Settings {
            /// From what was given; what was not takes its default. The first value that cannot be read is the error.
            pub(super) fn build(given: &Given) -> Result<Self, super::SettingsError> {
                Ok(Self {
                    $( $tkey: given.read(stringify!($tkey), $tdefault)?, )*
                    $( $section: $Section {
                        $( $key: given.read(concat!(stringify!($section), ".", stringify!($key)), $default)?, )*
                    }, )*
                })
            }
        }
    };
    (@secret) => { false };
    (@secret secret) => { true };
}

settings! {
    /// Above all sections.
    top {
        /// Where everything that must survive a restart is kept: the private Postgres cluster, its socket and
        /// the file `gemba.toml` that is read when no other is named. Created when it does not exist.
        data_directory: PathBuf = "gemba-data",
    }

    /// How browsers and programs reach the server.
    http: Http {
        /// Address and port to listen on. `0.0.0.0:8080` for all of the machine's addresses; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8080",
        /// The address people type, such as `https://gemba.example.com`, when a reverse proxy stands in front. With https,
        /// cookies are marked Secure and browsers are told to stay with https.
        public_url: Option<Url> = "",
        /// Addresses of reverse proxies whose X-Forwarded-For is believed. From all others it is ignored.
        trusted_proxies: List<std::net::IpAddr> = "",
        /// Connections served at once; more wait to be accepted.
        max_connections: usize = "4096",
        /// How long a client may take to send the head of a request.
        header_timeout: Duration = "10s",
        /// How long requests in flight may take to end when the server stops.
        shutdown_grace: Duration = "10s",
        /// Largest request body, except for collectors' batches (`ingest.max_body`).
        max_body: Bytes = "1MiB",
    }

    /// Where the data is kept.
    database: Database {
        /// A Postgres 15 or later, such as `postgres://user:password@host/name`. Without it gemba runs a private cluster in
        /// its data directory. `DATABASE_URL` is read too; `GEMBA_DATABASE_URL` goes before it.
        [secret] url: Option<String> = "",
        /// Connections kept to Postgres at most.
        max_connections: u32 = "16",
        /// How long a request waits for a connection before it is answered with 503.
        acquire_timeout: Duration = "2s",
        /// Directory of the Postgres programs (`initdb`, `postgres`) for the private cluster. Without it the newest of 15 or
        /// later is looked for in PATH and where distributions put it.
        postgres_programs: Option<PathBuf> = "",
    }

    /// How long a sign-in lasts.
    session: Session {
        /// A session that was not used for this long is over.
        idle_limit: Duration = "12h",
        /// A session older than this is over, used or not.
        absolute_limit: Duration = "7d",
    }

    /// How collectors reach the server, and what they may send. They have a port of their own, with TLS by this server's own
    /// certificate authority.
    ingest: Ingest {
        /// Address and port that collectors dial. `0.0.0.0:8443` for all of the machine's addresses; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8443",
        /// Names and addresses that collectors dial, for the server's certificate, beside `localhost`, the machine's own name and
        /// the address listened on.
        names: List<String> = "",
        /// Connections of collectors served at once; more wait to be accepted.
        max_connections: usize = "1024",
        /// How long a collector's certificate lasts, at most 24h. Collectors renew theirs by themselves after half of it.
        certificate_lifetime: Duration = "24h",
        /// How long after its end a certificate can still be renewed: an outage as long as this needs nobody to go to the
        /// collector.
        renew_within: Duration = "30d",
        /// Largest body of one request with batches.
        max_body: Bytes = "64MiB",
        /// Requests with batches worked on at once; more are answered with 503 and sent again by the collector.
        max_in_flight: usize = "4",
    }

    /// The samples.
    historian: Historian {
        /// Samples older than this are deleted. Without it all are kept.
        keep: Option<Duration> = "",
        /// How often what came in is packed. Longer makes larger pieces, and a longer start after a crash.
        pack_every: Duration = "2m",
    }

    /// What the server says about itself.
    log: Log {
        /// `text` for people, `json` for programs: one object a line.
        format: LogFormat = "text",
        /// `error`, `warn`, `info`, `debug` or `trace`, also by part: `info,gemba_server::ingest=debug`.
        level: String = "info",
    }

    /// The figures about the server itself at /metrics, in the format of Prometheus.
    metrics: MetricsAccess {
        /// Who sends `Authorization: Bearer <token>` may read them from anywhere. Without a token only this machine may.
        [secret] token: Option<String> = "",
    }
}

impl Setting {
    /// Name of its environment variable.
    pub fn variable(&self) -> String {
        format!("GEMBA_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Name of its flag, without the dashes.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }
}

/// Every setting, in order.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}
