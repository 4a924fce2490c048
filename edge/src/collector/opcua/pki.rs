//! Certificates on disk: the collector's own, and those of the servers that a person trusts.
//!
//! ```text
//! pki/own/cert.der              shown to servers; made on first use, with the key
//! pki/own/application-uri.txt   the name in it
//! pki/private/private.pem       its key, readable by its owner only
//! pki/trusted/                  servers that are trusted: .der or .pem, compared byte for byte
//! pki/rejected/                 servers that were met and are not trusted: to be moved to trusted/ by a person
//! ```

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use base64::Engine;
use opcua::crypto::{CertificateStore, PrivateKey, X509, X509Data};

use crate::collector::Failure;

/// How long an own certificate holds, in days.
const VALID_DAYS: u32 = 3_650;
/// Key size of an own certificate, bits.
const KEY_BITS: u32 = 2_048;
/// Rejected certificates that are kept at most: whoever shows a new one each minute does not fill the disk.
const MAX_REJECTED: usize = 100;
/// Files of `trusted/` that are looked at, and bytes of each.
const MAX_TRUSTED: (usize, u64) = (10_000, 64 << 10);

/// Two sources that share a directory do not make two certificates.
static MAKING: Mutex<()> = Mutex::new(());

/// The directory.
#[derive(Clone, Debug)]
pub(super) struct Pki {
    directory: PathBuf,
}

/// The own certificate.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// The application's URI in it.
    pub(super) uri: String,
    /// SHA-1 of it, hexadecimal.
    pub(super) thumbprint: String,
    /// Where it stands.
    pub(super) file: PathBuf,
}

impl Pki {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn certificate_file(&self) -> PathBuf {
        self.directory.join("own/cert.der")
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.directory.join("private/private.pem")
    }

    fn uri_file(&self) -> PathBuf {
        self.directory.join("own/application-uri.txt")
    }

    /// The own certificate, made when there is none. Takes seconds then: not for a task.
    pub(super) fn own(&self) -> Result<Own, Failure> {
        let _one_at_a_time = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in ["own", "private", "trusted", "rejected"] {
            let path = self.directory.join(directory);
            fs::create_dir_all(&path).map_err(|error| failed("made", &path, &error))?;
        }
        let (certificate, key) = (self.certificate_file(), self.key_file());
        if !certificate.exists() && !key.exists() {
            self.make()?;
        }
        let der = fs::read(&certificate).map_err(|error| failed("read", &certificate, &error))?;
        let parsed = X509::from_der(&der).map_err(|_| unreadable(&certificate, "a certificate in DER"))?;
        let pem = fs::read(&key).map_err(|error| failed("read", &key, &error))?;
        PrivateKey::from_pem(&pem).map_err(|_| unreadable(&key, "a private key in PEM"))?;
        let uri = fs::read_to_string(self.uri_file()).map_err(|error| failed("read", &self.uri_file(), &error))?;
        Ok(Own { uri: uri.trim().to_owned(), thumbprint: thumbprint(&parsed), file: certificate })
    }

    fn make(&self) -> Result<(), Failure> {
        let host = X509Data::computer_hostnames().into_iter().next().unwrap_or_else(|| "localhost".to_owned());
        let uri = format!("urn:{host}:gemba-edge:{:08x}", rand::random::<u32>());
        let data = X509Data {
            key_size: KEY_BITS,
            common_name: format!("gemba-edge@{host}").chars().take(60).collect(),
            organization: "Gemba".to_owned(),
            organizational_unit: String::new(),
            country: String::new(),
            state: String::new(),
            alt_host_names: X509Data::alt_host_names(&uri, Some(vec![host]), false, false, false),
            certificate_duration_days: VALID_DAYS,
        };
        let (certificate, key) = X509::cert_and_pkey(&data)
            .map_err(|error| Failure::Unusable(format!("no certificate of its own can be made: {error}")))?;
        let der = certificate.to_der().map_err(|_| unreadable(&self.certificate_file(), "a certificate"))?;
        let key = key.to_der().map_err(|_| unreadable(&self.key_file(), "a private key"))?;
        // The certificate last: without it all of it is made anew.
        write(&self.key_file(), pem("PRIVATE KEY", key.as_bytes()).as_bytes(), true)?;
        write(&self.uri_file(), uri.as_bytes(), false)?;
        write(&self.certificate_file(), &der, false)
    }

    /// Whether a person trusts the server's certificate; says what to do when not.
    pub(super) fn check(&self, url: &str, der: &[u8]) -> Result<X509, Failure> {
        let refuse = |why: String| Failure::Unusable(format!("{url} {why}"));
        let shown = X509::from_der(der).map_err(|_| refuse("shows a certificate that cannot be read".to_owned()))?;
        let name = CertificateStore::cert_file_name(&shown);
        let (trusted, rejected) = (self.directory.join("trusted"), self.directory.join("rejected"));
        let (mut found, mut namesake) = (false, false);
        for other in certificates(&trusted) {
            found |= other.to_der().is_ok_and(|other| other == der);
            namesake |= other.common_name().ok().zip(shown.common_name().ok()).is_some_and(|(a, b)| a == b);
        }
        if found {
            // The library looks for it under this name, and nowhere else.
            if !trusted.join(&name).exists() {
                write(&trusted.join(&name), der, false)?;
            }
            match fs::remove_file(rejected.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("removed", &rejected.join(&name), &error));
                }
                _ => return Ok(shown),
            }
        }
        let file = rejected.join(&name);
        let room = fs::read_dir(&rejected).map_or(0, |entries| entries.take(MAX_REJECTED).count()) < MAX_REJECTED;
        let stored = file.exists() || (room && write(&file, der, false).is_ok());
        let what = if namesake {
            "shows another certificate than the trusted one of the same name"
        } else {
            "is not trusted yet"
        };
        let remedy = if stored {
            format!("move {} to {}", file.display(), trusted.display())
        } else {
            format!(
                "put the server's certificate into {} (it could not be stored in {})",
                trusted.display(),
                rejected.display()
            )
        };
        Err(refuse(format!(
            "{what}: compare the thumbprint of its certificate, {}, with the one at the machine. If they are the same, {remedy}",
            thumbprint(&shown)
        )))
    }
}

/// SHA-1 in capital hexadecimal digits, as most tools show it.
pub(super) fn thumbprint(certificate: &X509) -> String {
    certificate.thumbprint().as_hex_string().to_uppercase()
}

/// The certificates of a directory; what is none is passed over.
fn certificates(directory: &Path) -> impl Iterator<Item = X509> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().take(MAX_TRUSTED.0);
    entries.filter_map(|entry| {
        let small = entry.metadata().is_ok_and(|facts| facts.is_file() && facts.len() <= MAX_TRUSTED.1);
        let bytes = small.then(|| fs::read(entry.path()).ok()).flatten()?;
        X509::from_der(&bytes).or_else(|_| X509::from_pem(&bytes)).ok()
    })
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = more;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// Whole or not at all; a secret is never readable by others, not even for a moment.
fn write(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Failure> {
    let staged = path.with_extension("new");
    let written = (|| {
        let _ = fs::remove_file(&staged);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(if secret { 0o600 } else { 0o644 });
        }
        let mut file = options.open(&staged)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&staged, path)
    })();
    written.map_err(|error: io::Error| failed("written", path, &error))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Unusable(format!("{} cannot be {what}: {error}. See to the directory set by `pki`", path.display()))
}

fn unreadable(path: &Path, what: &str) -> Failure {
    Failure::Unusable(format!(
        "{} is not {what}: put it right, or remove `own` and `private` to have new ones made",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_and_kept_secret() {
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki::new(directory.path());
        let own = pki.own().unwrap();
        assert!(own.uri.starts_with("urn:") && own.uri.contains(":gemba-edge:"), "{own:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(pki.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(pki.own().unwrap().thumbprint, own.thumbprint);
        let certificate = CertificateStore::read_cert(&pki.certificate_file()).unwrap();
        certificate.is_application_uri_valid(&own.uri).unwrap();

        // The same certificate, shown by a server.
        let der = fs::read(pki.certificate_file()).unwrap();
        let refused = pki.check("opc.tcp://h", &der).unwrap_err().to_string();
        assert!(refused.contains("is not trusted yet") && refused.contains(&own.thumbprint), "{refused}");
        let file = fs::read_dir(directory.path().join("rejected")).unwrap().next().unwrap().unwrap();
        assert!(refused.contains(&file.path().display().to_string()), "{refused}");
        // A person copies it, under another name: it is trusted, and rejected no more.
        fs::copy(file.path(), directory.path().join("trusted/press.der")).unwrap();
        pki.check("opc.tcp://h", &der).unwrap();
        assert!(!file.path().exists());
        // Another one of the same name is not.
        let other = Pki::new(&directory.path().join("other"));
        other.own().unwrap();
        let der = fs::read(other.certificate_file()).unwrap();
        let refused = pki.check("opc.tcp://h", &der).unwrap_err().to_string();
        assert!(refused.contains("another certificate than the trusted one"), "{refused}");
        assert!(pki.check("opc.tcp://h", b"rubbish").is_err());
    }
}
