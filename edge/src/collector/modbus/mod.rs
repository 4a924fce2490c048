//! Modbus over TCP, over a serial line (RTU), and RTU through a serial gateway: registers that are asked for again and again.
//!
//! How values keep their truth:
//!
//! - **Nothing is written**: of the protocol's functions only 1 to 4 (read coils, discrete inputs, holding and input registers) are in
//!   this code.
//! - **Times are the collector's**, of the moment an answer was whole. A value is handed on when it differs from the one before, and
//!   when it is first read.
//! - **Requests are planned once** ([`plan`]): registers of one device and table that are due together share a request, within the
//!   device's limits. When a device refuses a joined request, it is split until the registers that it does not have are known; those
//!   are unavailable and named, the rest is read on as it was split, and they are asked for again every minute.
//! - **An answer belongs to its request** (transaction number and unit over TCP, unit and function over RTU; the library compares
//!   them). After a time-out, or an answer that is not one, the connection is never used again: a late answer would be taken for
//!   that of the next request.
//! - **A device behind a gateway that does not answer** makes its own signals unavailable; the others flow.

mod client;
mod decode;
mod fault;
mod groups;
mod mapping;
mod plan;
mod register;
mod round;
mod serial;
mod settings;
mod source;

pub(crate) use decode::shown;
pub use mapping::{Mapping, Point};
pub use plan::{Limits, Request, Span, plan};
pub use register::{Form, Order, Reads, Register, Table};
pub use settings::{Address, Settings};
pub use source::Source;

use super::{Failure, Row, Survey};
use client::Client;
use round::Outcome;

/// Reads everything once: what each register holds now, or why it cannot be read.
pub async fn survey(settings: &Settings) -> Result<Survey, Failure> {
    let mapping = Mapping::resolve(settings);
    let mut client = Client::new(settings);
    client.connect().await?;
    let mut said = vec![Err("not asked for: its device does not answer".to_owned()); mapping.points.len()];
    let mut down = std::collections::HashSet::new();
    for job in groups::jobs(settings, &mapping.points) {
        if down.contains(&job.device) {
            continue;
        }
        for (job, outcome) in round::run(&mut client, &mapping.points, job, settings.retries).await? {
            let results: Vec<(usize, Result<_, String>)> = match outcome {
                Outcome::Skipped => continue,
                Outcome::Values(values) => values.into_iter().map(|(at, value)| (at, Ok(value))).collect(),
                Outcome::Refused(why) | Outcome::Failed(why) => {
                    job.points.iter().map(|at| (*at, Err(why.clone()))).collect()
                }
                Outcome::Down(_, why) => {
                    down.insert(job.device);
                    let of_device = (0..).zip(&mapping.points).filter(|(_, point)| point.device == job.device);
                    of_device.map(|(at, _)| (at, Err(why.clone()))).collect()
                }
            };
            for (at, result) in results {
                if let Some(said) = said.get_mut(at) {
                    *said = result;
                }
            }
        }
    }
    let mut survey = Survey { problems: mapping.problems, ..Survey::default() };
    for (point, said) in mapping.points.into_iter().zip(said) {
        let now = match said {
            Ok(value) => Some(decode::shown(&value)),
            Err(why) => {
                survey.problems.push(if why.starts_with(&point.name) { why } else { format!("{}: {why}", point.name) });
                None
            }
        };
        survey.rows.push(Row { item: point.name, signal: point.signal, now });
    }
    Ok(survey)
}
