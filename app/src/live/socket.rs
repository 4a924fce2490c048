//! The browser's end of the WebSocket: one per page load, kept up for as long as something is followed.

use std::{cell::RefCell, rc::Rc};

use futures::{
    FutureExt, SinkExt, StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    future::{Either, select},
    select_biased,
};
use gemba_contract::live::{ClientMessage, ServerMessage};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::{
    Event, Live, SILENCE_SECONDS, Status,
    backoff::Backoff,
    book::{Book, Verdict},
};
use crate::api::{Api, ApiError};

type Apply = Rc<dyn Fn(Event)>;

/// The close code that the server gives when the session is over.
const SIGNED_OUT: u16 = 1008;

/// How a connection ended.
enum End {
    Lost,
    SignedOut,
}

/// Something to do for the task that holds the connection.
enum Command {
    Send(ClientMessage),
    /// Try at once: the page can be seen again, or the network is back.
    Wake,
}

/// Names one follower.
pub(super) struct Ticket {
    topic: String,
    number: u64,
}

#[derive(Default)]
struct State {
    book: Book,
    followers: Vec<(Ticket, Apply)>,
    given: u64,
    commands: Option<UnboundedSender<Command>>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn command(command: Command) {
    STATE.with_borrow(|state| {
        if let Some(commands) = &state.commands {
            // The receiver lives as long as the page; there is nobody else to tell.
            drop(commands.unbounded_send(command));
        }
    });
}

pub(super) fn follow(live: Live, topic: String, apply: Apply) -> Ticket {
    let (ticket, start) = STATE.with_borrow_mut(|state| {
        state.given += 1;
        let number = state.given;
        state.book.add(&topic);
        state.followers.push((Ticket { topic: topic.clone(), number }, apply));
        let start = state.commands.is_none().then(|| {
            let (sender, receiver) = unbounded();
            state.commands = Some(sender);
            receiver
        });
        (Ticket { topic: topic.clone(), number }, start)
    });
    live.refused.set(None);
    if let Some(commands) = start {
        for event in ["visibilitychange", "online"] {
            // Stays for as long as the page does.
            window_event_listener_untyped(event, |_| {
                if document().visibility_state() == web_sys::VisibilityState::Visible {
                    command(Command::Wake);
                }
            });
        }
        spawn_local(run(live, commands));
    } else {
        command(Command::Send(ClientMessage::Subscribe { topic }));
    }
    ticket
}

pub(super) fn unfollow(ticket: &Ticket) {
    let gone = STATE.with_borrow_mut(|state| {
        state.followers.retain(|(t, _)| t.number != ticket.number);
        let gone = state.followers.iter().all(|(t, _)| t.topic != ticket.topic);
        if gone {
            state.book.remove(&ticket.topic);
        }
        gone
    });
    if gone {
        command(Command::Send(ClientMessage::Unsubscribe { topic: ticket.topic.clone() }));
    }
}

/// Keeps a connection up while something is followed.
async fn run(live: Live, mut commands: UnboundedReceiver<Command>) {
    let mut backoff = Backoff::default();
    loop {
        if STATE.with_borrow(|s| s.book.is_empty()) {
            if commands.next().await.is_none() {
                return;
            }
            continue;
        }
        STATE.with_borrow_mut(|s| s.book.start_over());
        let end = connect(live, &mut commands, &mut backoff).await;
        live.status.set(Status::Reconnecting);
        if let End::SignedOut = end {
            // The page that ended the session is on its way already.
            TimeoutFuture::new(1000).await;
            crate::api::go_to_login();
        }
        if backoff.failures() % 4 == 1 {
            leave_when_signed_out().await;
        }
        let mut wait = TimeoutFuture::new(backoff.next_ms(js_sys::Math::random())).fuse();
        loop {
            select_biased! {
                () = wait => break,
                next = commands.next() => match next {
                    Some(Command::Wake) => break,
                    // What is followed stands in the book and is asked for on connecting.
                    Some(Command::Send(_)) => {}
                    None => return,
                },
            }
        }
    }
}

/// One connection, until it ends or falls silent.
async fn connect(live: Live, commands: &mut UnboundedReceiver<Command>, backoff: &mut Backoff) -> End {
    let Some(url) = url() else { return End::Lost };
    let Ok(socket) = WebSocket::open(&url) else { return End::Lost };
    let (mut write, read) = socket.split();
    let mut read = read.fuse();
    let greeting = async {
        for topic in STATE.with_borrow(|s| s.book.topics()) {
            write.send(text(&ClientMessage::Subscribe { topic })).await?;
        }
        Ok::<(), WebSocketError>(())
    };
    let silence = TimeoutFuture::new((SILENCE_SECONDS * 1000.0) as u32);
    match select(Box::pin(greeting), silence).await {
        Either::Left((Ok(()), _)) => {}
        Either::Left((Err(_), _)) | Either::Right(_) => return End::Lost,
    }
    let mut heard_ms = now_ms();
    loop {
        let mut check = TimeoutFuture::new(1000).fuse();
        select_biased! {
            message = read.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    heard_ms = now_ms();
                    backoff.succeeded();
                    let Ok(message) = serde_json::from_str::<ServerMessage>(&text) else {
                        leptos::logging::warn!("live: a message could not be read; reload the page");
                        return End::Lost;
                    };
                    for topic in receive(live, message) {
                        if write.send(self::text(&ClientMessage::Subscribe { topic })).await.is_err() {
                            return End::Lost;
                        }
                    }
                }
                Some(Ok(Message::Bytes(_))) => {}
                Some(Err(WebSocketError::ConnectionClose(close))) if close.code == SIGNED_OUT => return End::SignedOut,
                Some(Err(_)) | None => return End::Lost,
            },
            next = commands.next() => match next {
                Some(Command::Send(message)) => if write.send(text(&message)).await.is_err() { return End::Lost },
                Some(Command::Wake) => {}
                None => return End::Lost,
            },
            () = check => {}
        }
        if now_ms() - heard_ms > SILENCE_SECONDS * 1000.0 {
            return End::Lost;
        }
    }
}

/// Takes one message in; gives the topics to subscribe anew.
fn receive(live: Live, message: ServerMessage) -> Vec<String> {
    live.status.set(Status::Live);
    let at = match &message {
        ServerMessage::Delta { at, .. } | ServerMessage::Heartbeat { at } => Some(*at),
        ServerMessage::Snapshot { data, .. } => Some(match &**data {
            gemba_contract::live::Snapshot::Overview(overview) => overview.at,
            gemba_contract::live::Snapshot::Unit(unit) => unit.at,
        }),
        ServerMessage::Refused { .. } | ServerMessage::Reset { .. } => None,
    };
    if let Some(at) = at {
        live.clock.heard_from_server(at);
    }
    match STATE.with_borrow_mut(|s| s.book.judge(&message)) {
        Verdict::Subscribe(topic) => return vec![topic],
        Verdict::SubscribeAll => return STATE.with_borrow(|s| s.book.topics()),
        Verdict::Ignore => return Vec::new(),
        Verdict::Apply => {}
    }
    let (topic, event) = match message {
        ServerMessage::Snapshot { topic, data, .. } => (topic, Event::Snapshot(data)),
        ServerMessage::Delta { topic, at, tiles, totals, signals, elements, .. } => {
            (topic, Event::Delta { at, tiles, totals, signals, elements })
        }
        ServerMessage::Refused { reason, .. } => {
            live.refused.set(Some(reason));
            return Vec::new();
        }
        ServerMessage::Heartbeat { .. } | ServerMessage::Reset { .. } => return Vec::new(),
    };
    // One follower per topic on a page; the last one made wins.
    let apply = STATE.with_borrow(|s| s.followers.iter().rev().find(|(t, _)| t.topic == topic).map(|(_, a)| a.clone()));
    if let Some(apply) = apply {
        apply(event);
    }
    Vec::new()
}

/// A refused upgrade does not say why; the session does.
async fn leave_when_signed_out() {
    if let Err(ApiError::NotSignedIn) = Api::of_page().me().await {
        crate::api::go_to_login();
    }
}

fn url() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/api/v1/live", location.host().ok()?))
}

fn text(message: &ClientMessage) -> Message {
    Message::Text(serde_json::to_string(message).unwrap_or_default())
}

fn now_ms() -> f64 {
    window().performance().map_or_else(js_sys::Date::now, |p| p.now())
}
