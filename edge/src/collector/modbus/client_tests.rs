use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;

fn client(context: Context, came: Came) -> Client {
    Client {
        came,
        address: Address::Tcp("plc".to_owned(), 502),
        timeout: Duration::from_millis(200),
        pause: Duration::ZERO,
        context: Some(context),
        next: Instant::now(),
    }
}

fn request(table: Table, start: u16, count: u16) -> Request {
    Request { table, start, count, spans: vec![0] }
}

enum After {
    Stays(Duration),
    Ends,
}

/// Answers the first request with these bytes; the first two are the request's over TCP when `number`.
async fn answer(mut end: DuplexStream, bytes: Vec<u8>, number: bool, stays: bool) {
    let mut asked = [0; 12];
    let Ok(length) = end.read(&mut asked).await else { return };
    let mut bytes = bytes;
    if number && length >= 2 && bytes.len() >= 2 {
        bytes[..2].copy_from_slice(&asked[..2]);
    }
    let _ = end.write_all(&bytes).await;
    if stays {
        // Until the client has given up.
        let _ = end.read(&mut asked).await;
    }
}

async fn ask(
    rtu_frames: bool,
    table: Table,
    count: u16,
    bytes: Vec<u8>,
    number: bool,
    after: After,
) -> (Result<Answer, Fault>, bool) {
    let (near, far) = tokio::io::duplex(1_024);
    let came = Came::default();
    let near = came.of(near);
    let mut client = client(if rtu_frames { rtu::attach(near) } else { tcp::attach(near) }, came);
    let stays = matches!(after, After::Stays(_));
    client.timeout = if let After::Stays(time) = after { time } else { Duration::from_secs(30) };
    let peer = tokio::spawn(answer(far, bytes, number, stays));
    let said = client.read(1, &request(table, 0, count)).await;
    let connected = client.is_connected();
    drop(client);
    let _ = peer.await;
    (said, connected)
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn an_answer_is_taken_when_it_is_one() {
    let within = |time, bytes: &[u8]| {
        block(ask(false, Table::Holding, 2, bytes.to_vec(), true, After::Stays(Duration::from_millis(time))))
    };
    let tcp = |bytes: &[u8]| within(30_000, bytes);
    assert_eq!(tcp(&[0, 0, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2]), (Ok(Answer::Words(vec![1, 2])), true));
    assert_eq!(tcp(&[0, 0, 0, 0, 0, 3, 1, 0x83, 2]), (Err(Fault::Exception(2)), true));
    // Another unit, another function, fewer registers, half an answer, another protocol.
    for bytes in [
        &[0, 0, 0, 0, 0, 7, 2, 3, 4, 0, 1, 0, 2][..],
        &[0, 0, 0, 0, 0, 7, 1, 4, 4, 0, 1, 0, 2],
        &[0, 0, 0, 0, 0, 5, 1, 3, 2, 0, 1],
        &[0, 0, 0, 9, 0, 7, 1, 3, 4, 0, 1, 0, 2],
    ] {
        let (said, connected) = tcp(bytes);
        assert!(matches!(said, Err(Fault::Nonsense(_))) && !connected, "{bytes:?}: {said:?}");
    }
    assert_eq!(
        within(50, &[0, 0, 0, 0, 0, 7, 1, 3, 4, 0, 1]),
        (Err(Fault::Nonsense("it sent 11 bytes, but no whole answer".to_owned())), false)
    );
    assert_eq!(within(50, &[]), (Err(Fault::Silent), false));
    // An answer to a request before: the number is another.
    let late = block(ask(false, Table::Holding, 2, vec![9, 9, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2], false, After::Ends));
    assert!(matches!(late, (Err(Fault::Nonsense(_)), false)), "{late:?}");
}

#[test]
fn serial_frames_are_checked() {
    let within = |time, bytes: &[u8]| {
        block(ask(true, Table::Input, 1, bytes.to_vec(), false, After::Stays(Duration::from_millis(time))))
    };
    let rtu = |bytes: &[u8]| within(50, bytes);
    assert_eq!(within(30_000, &[1, 4, 2, 0, 7, 0xF8, 0xF2]), (Ok(Answer::Words(vec![7])), true));
    let (said, connected) = rtu(&[1, 4, 2, 0, 7, 0xF8, 0xF3]);
    assert!(said.is_err() && !connected, "{said:?}");
    assert_eq!(rtu(&[]), (Err(Fault::Silent), false));
    let half = rtu(&[1, 4, 2, 0]);
    assert!(matches!(half, (Err(Fault::Nonsense(_)), false)), "{half:?}");
}

proptest! {
    #[test]
    fn whatever_is_answered_does_no_harm(
        rtu in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..300), number in any::<bool>(), coils in any::<bool>(),
        count in 1_u16..=125,
    ) {
        let table = if coils { Table::Coil } else { Table::Holding };
        let _ = block(ask(rtu, table, count, bytes, number, After::Ends));
    }

    #[test]
    fn an_answer_with_a_slip_does_no_harm(rtu in any::<bool>(), at in 0_usize..13, byte in any::<u8>(), cut in 0_usize..14) {
        let mut bytes = if rtu { vec![1, 3, 4, 0, 1, 0, 2, 0x2A, 0x32] } else { vec![0, 0, 0, 0, 0, 7, 1, 3, 4, 0, 1, 0, 2] };
        if let Some(slot) = bytes.get_mut(at) {
            *slot = byte;
        }
        bytes.truncate(cut);
        if let (Ok(Answer::Words(words)), _) = block(ask(rtu, Table::Holding, 2, bytes, true, After::Ends)) {
            prop_assert_eq!(words.len(), 2);
        }
    }
}
