//! Files in a directory: taken once, whole, with their own times, whatever happens in between.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use gemba_domain::{Timestamp, signal::Value};
use rand::{Rng, SeedableRng};

use crate::{
    plant::{drained, health},
    server::{Fault, Server},
    site::{AnySite, UNIT},
};

const BASE: &str = "settle = '100 ms'\ntime_column = 'time'\n";

fn source(more: &str, units: &str) -> String {
    format!("name = 'files'\nprotocol = 'file_drop'\ndirectory = 'drop'\n{BASE}{more}\n{units}")
}

fn all(signals: &str) -> String {
    format!("[[source.unit]]\ndevice = '*'\npath = '{UNIT}'\nsignals = [ {signals} ]\n")
}

fn site(server: &Server, more: &str, units: &str) -> AnySite {
    let site = AnySite::new(server, &source(more, units));
    fs::create_dir(site.path().join("drop")).unwrap();
    site
}

fn drop_in(site: &AnySite, name: &str, content: impl AsRef<[u8]>) {
    fs::write(site.path().join("drop").join(name), content).unwrap();
}

async fn until_there(path: &Path) {
    let wait = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .unwrap_or_else(|_| panic!("never there: {}", path.display()));
}

fn place(site: &AnySite, name: &str) -> PathBuf {
    site.path().join("drop").join(name)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn numbers(server: &Server, code: &str) -> Vec<(Timestamp, f64)> {
    server.lock().series(code).into_iter().filter_map(|(time, value)| Some((time, value.number()?))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_the_past_are_stored_with_their_times_and_the_file_is_put_away() {
    let server = Server::start().await;
    let site =
        site(&server, "", &all("{item='temp', signal='temp'}, {pattern='s_*', signal='s-{rest}', kind='state'}"));
    let collector = site.start();
    health(&collector, "connected, nothing has come yet: a file *.csv").await;
    drop_in(
        &site,
        "a.csv",
        "\u{feff}time,temp,s_Mode,s_note\n2020-01-01T00:00:00Z,21.5,RUN,\n2020-01-01T02:00:00+01:00,NaN,\"STOP, E-1\",ok\n\
         2020-01-01T02:00:00Z,Infinity,9007199254740993,\n",
    );
    drop_in(&site, "other.txt", "not for us");
    until_there(&place(&site, "done/a.csv")).await;
    health(&collector, "streaming").await;
    drained(&collector).await;
    let series = |code: &str| server.lock().series(code);
    let text = |word: &str| Value::Text(word.into());
    let (first, second, third) = (at("2020-01-01T00:00:00Z"), at("2020-01-01T01:00:00Z"), at("2020-01-01T02:00:00Z"));
    let temp = [(first, Value::Number(21.5)), (second, Value::Unavailable), (third, text("Infinity"))];
    assert_eq!(series("temp"), temp);
    assert_eq!(
        series("s-mode"),
        [(first, text("RUN")), (second, text("STOP, E-1")), (third, text("9007199254740993"))]
    );
    assert_eq!(series("s-note"), [(second, text("ok"))]);
    assert!(place(&site, "other.txt").exists());
    let offered = server.lock().hellos.last().unwrap().signals.clone();
    let mode = offered.iter().find(|signal| signal.address.ends_with(":s-mode")).unwrap();
    assert_eq!((mode.kind.as_str(), mode.source.as_deref()), ("state", Some("file_drop drop s_Mode")));
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_of_several_machines_in_either_form() {
    let server = Server::start().await;
    let unit = |machine: &str, path: &str| {
        format!(
            "[[source.unit]]\ndevice = '{machine}'\npath = 'acme/leeds/press-shop/line-1/{path}'\nsignals = [ {{pattern='*', signal='{{rest}}'}} ]\n"
        )
    };
    let units = unit("P1", "press-1") + &unit("P2", "press-2");
    let more = "unit_column = 'machine'\nitem_column = 'tag'\nvalue_column = 'value'\ndecimal = ','\ntime_format = '%d.%m.%Y %H:%M:%S'\n\
                time_zone = '+02:00'";
    let site = site(&server, more, &units);
    // Windows-1252, semicolons, decimal commas, local times.
    drop_in(
        &site,
        "long.csv",
        b"machine;time;tag;value\r\nP1;01.06.2024 08:00:00;Druck;1,5\r\nP2;01.06.2024 08:00:00;Druck;2,5\r\nP2;01.06.2024 08:00:01;Text;gr\xFCn\r\n\
          P3;01.06.2024 08:00:00;Druck;3,5\r\n",
    );
    let collector = site.start();
    until_there(&place(&site, "done/long.csv")).await;
    health(&collector, "1 rows are of machines that no [[source.unit]] names").await;
    drained(&collector).await;
    let of = |path: &str, code: &str| {
        let address = format!("acme/leeds/press-shop/line-1/{path}:{code}");
        server.lock().samples.get(&(address, at("2024-06-01T06:00:00Z"))).cloned()
    };
    assert_eq!((of("press-1", "druck"), of("press-2", "druck")), (Some(Value::Number(1.5)), Some(Value::Number(2.5))));
    assert_eq!(server.lock().latest("text"), Some(Value::Text("grün".into())));
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_rows_are_set_aside_and_the_good_ones_taken() {
    let server = Server::start().await;
    let site = site(&server, "", &all("{item='n', signal='n'}"));
    drop_in(
        &site,
        "b.csv",
        "time,n\n2024-01-01T00:00:00Z,1\nyesterday,2\n2024-01-01T00:00:02Z,3\n2024-01-01T00:00:03Z,4,5\n\n2024-01-01 00:00:04,6\n",
    );
    let collector = site.start();
    until_there(&place(&site, "done/b.csv")).await;
    health(&collector, "3 rows could not be read").await;
    drained(&collector).await;
    assert_eq!(server.lock().numbers("n"), [1.0, 3.0]);
    let aside = fs::read_to_string(place(&site, "failed/b.csv.rows.csv")).unwrap();
    let lines: Vec<_> = aside.lines().collect();
    assert_eq!(lines.len(), 4, "{aside}");
    assert_eq!(lines[0], "line,reason,time,n");
    assert!(lines[1].starts_with("3,`yesterday` is no time") && lines[1].ends_with(",yesterday,2"), "{aside}");
    assert!(lines[2].starts_with("5,") && lines[2].contains("it has 3 cells"), "{aside}");
    assert!(lines[3].contains("set `time_zone`"), "{aside}");
    // Corrected, they are dropped as they are.
    fs::write(place(&site, "again.csv"), "line,reason,time,n\n3,was wrong,2024-01-01T00:00:01Z,2\n").unwrap();
    server.until("the corrected row", |inner| inner.numbers("n") == [1.0, 2.0, 3.0]).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_none_go_to_failed_with_the_reason() {
    let server = Server::start().await;
    let site = site(&server, "", &all("{item='n', signal='n'}"));
    let mut endless = b"time,n\n2024-01-01T00:00:00Z,\"1\n".to_vec();
    endless.resize(6 << 20, b'x');
    let good = "time,n\n2024-01-01T00:00:00Z,1\n";
    for (name, content, reason) in [
        ("notime.csv", b"tme,n\n2024-01-01T00:00:00Z,1\n".as_slice(), "it has no column `time`; did you mean `tme`?"),
        ("binary.csv", b"\x7FELF\0\0", "it holds bytes 0"),
        ("empty.csv", b"", "it is empty"),
        ("others.csv", b"time,m\n2024-01-01T00:00:00Z,1\n", "no rule reads any of its values"),
        ("allbad.csv", b"time,n\nx,1\ny,2\n", "none of its 2 rows can be read"),
        ("quote.csv", &endless, "is a quotation mark not closed?"),
    ] {
        drop_in(&site, name, content);
        fs::write(place(&site, &format!("{name}.expected")), reason).unwrap();
    }
    drop_in(&site, "z.csv", good);
    let collector = site.start();
    until_there(&place(&site, "done/z.csv")).await;
    for name in ["notime.csv", "binary.csv", "empty.csv", "others.csv", "allbad.csv", "quote.csv"] {
        until_there(&place(&site, &format!("failed/{name}.reason.txt"))).await;
        let reason = fs::read_to_string(place(&site, &format!("failed/{name}.reason.txt"))).unwrap();
        let expected = fs::read_to_string(place(&site, &format!("{name}.expected"))).unwrap();
        assert!(reason.contains(&expected), "{name}: {reason}");
        assert!(place(&site, &format!("failed/{name}")).exists() && !place(&site, name).exists());
    }
    health(&collector, "6 files could not be read").await;
    // The same file once more: settings may have been corrected, so it is tried again.
    drop_in(&site, "notime.csv", b"tme,n\n2024-01-01T00:00:00Z,1\n");
    until_there(&place(&site, "failed/notime-2.csv")).await;
    drained(&collector).await;
    assert_eq!(server.lock().numbers("n"), [1.0]);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_not_read_again_also_by_a_later_run() {
    let server = Server::start().await;
    let site = site(&server, "", &all("{item='n', signal='n'}"));
    let content = "time,n\n2024-01-01T00:00:00Z,1\n";
    drop_in(&site, "a.csv", content);
    let collector = site.start();
    until_there(&place(&site, "done/a.csv")).await;
    drained(&collector).await;
    collector.stop().await;
    // Whatever the server lost of it meanwhile, it is not sent again.
    server.lock().samples.clear();
    drop_in(&site, "b.csv", content);
    drop_in(&site, "a.csv", content);
    let collector = site.start();
    until_there(&place(&site, "done/b.csv")).await;
    until_there(&place(&site, "done/a-2.csv")).await;
    health(&collector, "2 files had been taken before").await;
    drained(&collector).await;
    assert!(server.lock().samples.is_empty());
    let covered = server.lock().covered.clone();
    assert!(covered.windows(2).all(|pair| pair[0].1 == pair[1].0), "files that wait leave no hole: {covered:?}");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_still_being_copied_is_left_alone() {
    let server = Server::start().await;
    let site = AnySite::new(&server, &source("", &all("{item='n', signal='n'}")).replace("100 ms", "3 s"));
    fs::create_dir(site.path().join("drop")).unwrap();
    let collector = site.start();
    let mut file = fs::File::create(place(&site, "slow.csv")).unwrap();
    file.write_all(b"time,n\n").unwrap();
    for second in 0..8 {
        write!(file, "2024-01-01T00:00:0{second}Z,{second}").unwrap();
        file.flush().unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(!place(&site, "done").join("slow.csv").exists(), "taken while it was being written");
        file.write_all(b"\n").unwrap();
    }
    drop(file);
    until_there(&place(&site, "done/slow.csv")).await;
    drained(&collector).await;
    assert_eq!(server.lock().numbers("n").len(), 8);
    health(&collector, "streaming").await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_not_there_is_told_and_waited_for() {
    let server = Server::start().await;
    let site = AnySite::new(&server, &source("", &all("{item='n', signal='n'}")));
    let collector = site.start();
    health(&collector, "cannot be used").await;
    health(&collector, "is the network share mounted?").await;
    fs::create_dir(site.path().join("drop")).unwrap();
    drop_in(&site, "a.csv", "time,n\n2024-01-01T00:00:00Z,1\n");
    health(&collector, "streaming").await;
    server.until("its row", |inner| inner.numbers("n") == [1.0]).await;
    fs::remove_dir_all(site.path().join("drop")).unwrap();
    health(&collector, "cannot be used").await;
    drained(&collector).await;
    assert_eq!(server.lock().series("n").len(), 1, "history has nothing in force: nothing becomes unavailable");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_columns() {
    let server = Server::start().await;
    let site = site(&server, "", &all("{pattern='c*', signal='c{rest}'}"));
    let mut text = "time".to_owned();
    (0..10_000).for_each(|n| write!(text, ",c{n}").unwrap());
    text.push_str("\n2024-01-01T00:00:00Z");
    (0..10_000).for_each(|n| write!(text, ",{n}").unwrap());
    drop_in(&site, "wide.csv", text);
    let collector = site.start();
    server.until("all", |inner| inner.samples.len() == 10_000).await;
    until_there(&place(&site, "done/wide.csv")).await;
    assert_eq!(server.lock().numbers("c9999"), [9_999.0]);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_lists_files_and_columns() {
    let server = Server::start().await;
    let site = site(&server, "", &all("{item='n', signal='n'}"));
    let (fine, said) = site.gemba_edge("check").await;
    assert!(fine && said.contains("no file waits in") && said.contains(":n"), "{said}");
    drop_in(&site, "a.csv", "time,n,m\n2024-01-01T00:00:00Z,1.5,x\n");
    let (fine, said) = site.gemba_edge("check").await;
    assert!(fine && said.contains("m, such as x") && said.contains("a.csv waits, 36 bytes"), "{said}");
    assert!(said.lines().any(|line| line.contains(":n") && line.ends_with("1.5")), "{said}");
    assert!(place(&site, "a.csv").exists(), "check takes nothing");
    fs::remove_dir_all(site.path().join("drop")).unwrap();
    let (fine, said) = site.gemba_edge("check").await;
    assert!(!fine && said.contains("is the network share mounted?"), "{said}");
}

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(site: &AnySite) -> Killed {
    let child = Command::new(env!("CARGO_BIN_EXE_gemba-edge"))
        .arg("run")
        .arg(site.config_file())
        .env("GEMBA_EDGE_LOG", "warn")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    Killed(child)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_in_the_middle_loses_and_invents_no_row() {
    let seed = std::env::var("DEV_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u64>);
    println!("DEV_SEED={seed}");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let server = Server::start().await;
    let site = site(&server, "", &all("{item='n', signal='n'}"));
    let start = at("2024-01-01T00:00:00Z");
    let (mut expected, mut n) = (Vec::new(), 0_u32);
    let mut files = Vec::new();
    for file in 0..4 {
        let mut text = "time,n\n".to_owned();
        for _ in 0..30_000 {
            n += 1;
            let time = start.plus_micros(i64::from(n) * 1_000_000);
            if n % 10_000 == 77 {
                writeln!(text, "broken {n},{n}").unwrap();
            } else {
                writeln!(text, "{time},{n}").unwrap();
                expected.push((time, f64::from(n)));
            }
        }
        let name = format!("part-{file}.csv");
        drop_in(&site, &name, text);
        files.push(name);
    }
    for _ in 0..8 {
        let collector = spawn(&site);
        if random.random_bool(0.3) {
            server.fault([Fault::AckLost]);
        }
        let before = server.lock().batch_requests;
        if random.random_bool(0.7) {
            let wait = server.until("batches", |inner| inner.batch_requests > before);
            let _ = tokio::time::timeout(Duration::from_secs(5), wait).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        drop(collector);
    }
    let collector = spawn(&site);
    server.until("all rows", |inner| inner.numbers("n").len() >= expected.len()).await;
    for name in &files {
        until_there(&place(&site, &format!("done/{name}"))).await;
    }
    drop(collector);
    assert_eq!(numbers(&server, "n"), expected);
    for name in &files {
        // Twelve bad rows in all, three in each file, each set aside.
        let aside = fs::read_dir(place(&site, "failed")).unwrap().filter_map(|entry| {
            let path = entry.unwrap().path();
            path.file_name().unwrap().to_string_lossy().starts_with(name).then(|| fs::read_to_string(path).unwrap())
        });
        assert!(aside.into_iter().any(|text| text.lines().count() == 4), "{name}");
    }
    assert_eq!(server.lock().acked.len(), 1, "numbering went on in one epoch");
    server.assert_lawful();
}
