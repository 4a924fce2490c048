//! `gemba-bench bench NAME`, `gemba-bench chaos NAME`, `gemba-bench eval NAME`. People call them through `./dev`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use gemba_bench::{execution, ingest, kpi, live, oee, sme, spine, stops};

/// Measurements and fault tests with the real programs.
#[derive(Parser)]
#[command(name = "gemba-bench", version)]
enum Arguments {
    /// Measures one thing, beside its target
    #[command(subcommand)]
    Bench(Bench),
    /// Breaks something on purpose and checks what must still hold
    #[command(subcommand)]
    Chaos(Chaos),
    /// Runs over published data, beside the published results
    #[command(subcommand)]
    Eval(Eval),
}

#[derive(Subcommand)]
enum Bench {
    /// From a collector's send to five hundred browsers
    Live(live::LiveArguments),
    /// Durable samples a second, bytes a sample, a signal's day
    Ingest(ingest::IngestArguments),
    /// A month of a plant's figures, from stored elements to the page
    Kpi(kpi::KpiArguments),
}

#[derive(Subcommand)]
enum Eval {
    /// Recorded machines: seconds by execution state and UTC day
    Execution(execution::ExecutionArguments),
    /// Worked figures and calendars of textbooks and other libraries
    Oee(oee::OeeArguments),
    /// Machines of a small manufacturer, from a table of five minutes a row
    Sme(sme::SmeArguments),
    /// A list of stops, and its Pareto
    Stops(stops::StopsArguments),
}

#[derive(Subcommand)]
enum Chaos {
    /// Kills server, collector and Postgres under load, and disturbs the order; then accounts for every sample
    Spine(spine::SpineArguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments {
            Arguments::Bench(Bench::Live(arguments)) => live::run(&arguments).await,
            Arguments::Bench(Bench::Kpi(arguments)) => kpi::run(&arguments).await,
            Arguments::Bench(Bench::Ingest(arguments)) => ingest::run(&arguments).await,
            Arguments::Eval(Eval::Execution(arguments)) => execution::run(&arguments).await,
            Arguments::Eval(Eval::Oee(arguments)) => oee::run(&arguments).await,
            Arguments::Eval(Eval::Sme(arguments)) => sme::run(&arguments).await,
            Arguments::Eval(Eval::Stops(arguments)) => stops::run(&arguments).await,
            Arguments::Chaos(Chaos::Spine(arguments)) => spine::run(&arguments).await,
        }
    })
}
