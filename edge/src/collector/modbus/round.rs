//! One job, asked until something is known of each of its registers.

use std::time::Duration;

use gemba_domain::signal::Value;

use super::{
    client::{Answer, Client},
    decode,
    fault::{self, Fault},
    groups::Job,
    mapping::Point,
    register::Register,
};
use crate::collector::Failure;

/// Before a busy device is asked again.
const BUSY: Duration = Duration::from_millis(200);

/// What became of a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The values of its points.
    Values(Vec<(usize, Value)>),
    /// The device does not have them; why.
    Refused(String),
    /// It has them and does not give them now; why.
    Failed(String),
    /// The device as a whole gives nothing; why.
    Down(Down, String),
    /// Not asked, because the device is down.
    Skipped,
}

/// How a device gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// No answer in time.
    Silent,
    /// Answers that are none.
    Nonsense,
    /// A gateway says so.
    Gateway,
}

/// Asks, and asks in smaller pieces where the device refuses. Returns the pieces in order of address. Fails when there is no connection.
pub async fn run(
    client: &mut Client,
    points: &[Point],
    job: Job,
    retries: u32,
) -> Result<Vec<(Job, Outcome)>, Failure> {
    let (mut work, mut done) = (vec![job], Vec::new());
    let mut down = false;
    while let Some(job) = work.pop() {
        if down {
            done.push((job, Outcome::Skipped));
            continue;
        }
        let fault = match ask(client, &job, retries).await? {
            Ok(answer) => {
                let values = values(points, &job, &answer);
                done.push((job, Outcome::Values(values)));
                continue;
            }
            Err(fault) => fault,
        };
        let outcome = match fault {
            Fault::Exception(code @ (2 | 3)) => match job.split(points) {
                Some(parts) => {
                    work.extend(parts.into_iter().rev());
                    continue;
                }
                None => Outcome::Refused(fault::exception(code, &job.name(points))),
            },
            Fault::Exception(1) => Outcome::Refused(fault::exception(1, &job.name(points))),
            Fault::Exception(code @ (10 | 11)) => {
                Outcome::Down(Down::Gateway, fault::exception(code, &format!("unit {}", job.device)))
            }
            Fault::Exception(code) => Outcome::Failed(fault::exception(code, &job.name(points))),
            Fault::Silent => Outcome::Down(
                Down::Silent,
                format!(
                    "unit {} does not answer within the time allowed (`timeout`): is it switched on, its cable plugged in, its unit \
                     identifier right?",
                    job.device
                ),
            ),
            Fault::Nonsense(why) => Outcome::Down(
                Down::Nonsense,
                format!("unit {}: {why}; is it a Modbus device, and does nobody else answer on its line?", job.device),
            ),
            Fault::Broken(why) => return Err(Failure::Gone(why)),
        };
        down = matches!(outcome, Outcome::Down(..));
        done.push((job, outcome));
    }
    Ok(done)
}

/// One request, sent again as often as is allowed. Every attempt after a fault of the connection has a new one.
async fn ask(client: &mut Client, job: &Job, retries: u32) -> Result<Result<Answer, Fault>, Failure> {
    let mut left = retries;
    loop {
        if !client.is_connected() {
            client.connect().await?;
        }
        let fault = match client.read(job.device, &job.request).await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(fault) => fault,
        };
        let lasting = matches!(fault, Fault::Exception(1 | 2 | 3 | 10 | 11));
        if lasting || left == 0 {
            return Ok(Err(fault));
        }
        left -= 1;
        if matches!(fault, Fault::Exception(_)) {
            tokio::time::sleep(BUSY).await;
        }
    }
}

fn values(points: &[Point], job: &Job, answer: &Answer) -> Vec<(usize, Value)> {
    let value = |register: &Register| {
        let at = usize::from(register.start.checked_sub(job.request.start)?);
        Some(match answer {
            Answer::Bits(bits) => decode::bit(&register.reads, *bits.get(at)?),
            Answer::Words(words) => decode::registers(&register.reads, words.get(at..)?),
        })
    };
    let value = |at: &usize| Some((*at, value(&points.get(*at)?.register).unwrap_or(Value::Unavailable)));
    job.points.iter().filter_map(value).collect()
}
