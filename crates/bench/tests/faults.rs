//! The short version of `./dev chaos spine`: each fault once, with the programs of the development build.

use anyhow::Result;
use gemba_bench::{
    rig::Programs,
    spine::{Campaign, Fault},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_on_the_way_from_a_machine_to_the_figures() -> Result<()> {
    let seed = std::env::var("DEV_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_122);
    println!("seed {seed} (DEV_SEED)");
    let rounds = vec![Fault::F1, Fault::F2, Fault::F3, Fault::F9, Fault::F4];
    let campaign = Campaign { seed, rounds, rate: 300, short: true };
    let outcome = campaign.run(Programs::find()?).await?;
    assert!(outcome.observations > 1000, "the machines said only {}", outcome.observations);
    assert_eq!(outcome.account.unaccounted(), 0, "{:#?}", outcome.account.details());
    Ok(())
}
