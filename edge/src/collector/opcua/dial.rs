//! The TCP connection below a session: dialled here, so that each failure has its words, and read through a guard, so that no
//! server can make the collector hold more than it said it takes.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use opcua::{
    client::{
        ConnectionSource,
        transport::{
            Connector, RequestRecv, SecureChannelState, StreamConnection, StreamConnector, StreamTransport,
            TransportConfiguration,
        },
    },
    core::comms::{tcp_codec::TcpCodec, url::hostname_port_from_url},
    types::{DecodingOptions, EndpointDescription, Error, StatusCode},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::FramedRead;

use crate::collector::Failure;

/// Where OPC UA servers listen when the address names no port.
const DEFAULT_PORT: u16 = 4_840;
/// The largest piece of a message that is taken, bytes: what is told to the server when the connection begins.
pub(super) const MAX_CHUNK: usize = 65_535;

/// Connects to one address.
#[derive(Clone)]
pub(super) struct Dial {
    url: String,
    patience: Duration,
    seen: Arc<Mutex<Seen>>,
}

/// What the library does not tell.
#[derive(Default)]
struct Seen {
    failure: Option<Failure>,
    channel: Option<Arc<SecureChannelState>>,
}

impl Dial {
    pub(super) fn new(url: &str, patience: Duration) -> Self {
        Self { url: url.to_owned(), patience, seen: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it could not be connected, in words.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.lock().failure.take()
    }

    /// The channel of the newest connection.
    pub(super) fn channel(&self) -> Option<Arc<SecureChannelState>> {
        self.lock().channel.clone()
    }

    async fn connect_tcp(&self) -> Result<TcpStream, Failure> {
        let bad = |_| Failure::Unusable(format!("`{}` is no address of an OPC UA server", self.url));
        let (host, port) = hostname_port_from_url(&self.url, DEFAULT_PORT).map_err(bad)?;
        let connecting = TcpStream::connect(format!("{host}:{port}"));
        let stream = match tokio::time::timeout(self.patience, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Failure::Gone(refused(&host, port, &error))),
            Err(_) => {
                let secs = self.patience.as_secs_f64();
                return Err(Failure::Gone(format!(
                    "{host} port {port} does not answer within {secs} s: is it on, is it in the network, does a firewall let the \
                     collector through?"
                )));
            }
        };
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn open(
        &self,
        url: String,
        options: DecodingOptions,
    ) -> Result<StreamConnection<Chunks<OwnedReadHalf>, OwnedWriteHalf>, Error> {
        let stream = self.connect_tcp().await.map_err(|failure| {
            let words = failure.to_string();
            self.lock().failure = Some(failure);
            Error::new(StatusCode::BadCommunicationError, words)
        })?;
        let (reader, writer) = stream.into_split();
        Ok(StreamConnection::new(FramedRead::new(Chunks::new(reader), TcpCodec::new(options)), writer, url))
    }
}

fn refused(host: &str, port: u16, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("nothing listens on {host} port {port}: is the server on, is the port right?")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("there is no way to {host}: is it on, is the cable plugged, is the address right? ({error})")
        }
        _ if error.raw_os_error().is_none() => {
            format!("{host} is not known: is the name right, does the collector's name server know it? ({error})")
        }
        _ => format!("{host} port {port} cannot be connected to: {error}"),
    }
}

impl Connector for Dial {
    type Transport = StreamTransport<Chunks<OwnedReadHalf>, OwnedWriteHalf>;

    async fn connect(
        &self,
        channel: Arc<SecureChannelState>,
        outgoing: RequestRecv,
        config: TransportConfiguration,
    ) -> Result<Self::Transport, Error> {
        self.lock().channel = Some(Arc::clone(&channel));
        let connector = StreamConnector::new(|url, options| self.open(url, options), self.url.clone());
        connector.connect(channel, outgoing, config).await
    }

    fn default_endpoint(&self) -> EndpointDescription {
        EndpointDescription::from(self.url.as_str())
    }
}

impl ConnectionSource for Dial {
    type Builder = Self;

    fn get_connector(&self, _: &EndpointDescription) -> Result<Self, Error> {
        Ok(self.clone())
    }
}

/// Looks at the head of each chunk: one that claims to be larger than agreed ends the connection before it is gathered.
pub(super) struct Chunks<R> {
    inner: R,
    head: [u8; 8],
    filled: usize,
    /// Bytes of the present chunk that are still to come.
    left: usize,
}

impl<R> Chunks<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, head: [0; 8], filled: 0, left: 0 }
    }

    fn check(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len());
                self.left -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            self.head[self.filled] = bytes[0];
            self.filled += 1;
            bytes = &bytes[1..];
            if self.filled == self.head.len() {
                self.filled = 0;
                let [_, _, _, _, a, b, c, d] = self.head;
                let size = u32::from_le_bytes([a, b, c, d]) as usize;
                // What is smaller than its own head ends it as well.
                match size.checked_sub(self.head.len()) {
                    Some(left) if size <= MAX_CHUNK => self.left = left,
                    _ => {
                        let words = format!("a piece of {size} bytes, where 8 to {MAX_CHUNK} were agreed");
                        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
                    }
                }
            }
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Chunks<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                let checked = self.check(&buffer.filled()[before..]);
                if checked.is_err() {
                    // An error says that nothing was read.
                    buffer.set_filled(before);
                }
                Poll::Ready(checked)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;

    fn chunk(size: u32, body: usize) -> Vec<u8> {
        [b"MSGF", size.to_le_bytes().as_slice(), &vec![7; body]].concat()
    }

    #[tokio::test]
    async fn a_piece_that_is_too_large_ends_the_connection() {
        let fine = [chunk(12, 4), chunk(65_535, 65_527)].concat();
        let mut out = Vec::new();
        Chunks::new(fine.as_slice()).read_to_end(&mut out).await.unwrap();
        assert_eq!(out, fine);
        for size in [0, 7, 65_536, u32::MAX] {
            let bytes = [chunk(12, 4), chunk(size, 100)].concat();
            Chunks::new(bytes.as_slice()).read_to_end(&mut Vec::new()).await.unwrap_err();
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8)) {
            let mut chunks = Chunks::new(());
            for piece in pieces {
                if chunks.check(&piece).is_err() {
                    break;
                }
            }
        }
    }
}
