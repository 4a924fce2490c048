//! A cable that can be pulled, and listened to.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub struct Proxy {
    pub port: u16,
    plugged: Arc<AtomicBool>,
    connections: Arc<Mutex<JoinSet<()>>>,
    /// What went over it, both ways.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            plugged: Arc::new(AtomicBool::new(true)),
            connections: Arc::default(),
            heard: Arc::default(),
        };
        let (plugged, connections, heard) =
            (Arc::clone(&proxy.plugged), Arc::clone(&proxy.connections), Arc::clone(&proxy.heard));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if plugged.load(Ordering::SeqCst)
                    && let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await
                {
                    let heard = Arc::clone(&heard);
                    connections.lock().unwrap().spawn(forward(near, far, heard));
                }
            }
        });
        proxy
    }

    pub fn pull(&self) {
        self.plugged.store(false, Ordering::SeqCst);
        self.connections.lock().unwrap().abort_all();
    }

    pub fn plug(&self) {
        self.plugged.store(true, Ordering::SeqCst);
    }

    pub fn heard(&self, words: &str) -> bool {
        self.heard.lock().unwrap().windows(words.len()).any(|window| window == words.as_bytes())
    }
}

async fn forward(near: TcpStream, far: TcpStream, heard: Arc<Mutex<Vec<u8>>>) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let one = |mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf| {
        let heard = Arc::clone(&heard);
        async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(count @ 1..) = from.read(&mut buffer).await {
                heard.lock().unwrap().extend_from_slice(&buffer[..count]);
                if to.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
        }
    };
    tokio::join!(one(near_read, far_write), one(far_read, near_write));
}
