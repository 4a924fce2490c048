//! A press of ten minutes: what is said of it, and what the reports make of that.

use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    order::{ChangeOrder, IdealCycle, PutOrder, PutProduct},
    reason::{GiveReason, ReasonRule, ReasonRules, TryRule},
    report::{CompareBy, LossKind, PutNote, Report},
    rule::{StateRule, StateRules},
};
use gemba_domain::{
    Timestamp, equipment::EquipmentPath, oee::Profile, order::OrderStatus, reason::LossCategory, state::UnitState,
};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use super::{ReportError, service::Asked};
use crate::{
    clock,
    ingest::tests::{EPOCH, PLANT, Rig, UNIT},
    order::{OrderError, Wanted},
    reason::ReasonError,
};

struct Press {
    rig: Rig,
    jobs: Vec<JoinHandle<()>>,
}

fn unit() -> EquipmentPath {
    UNIT.parse().expect("a path")
}

impl Press {
    /// Producing but for a stop from second 100 to 300 and a short one from 400 to 430; a piece every 2 s while it produces.
    async fn new(pool: PgPool, plant: Option<String>) -> Self {
        let rig = Rig::of(pool, plant.as_deref().unwrap_or(PLANT)).await;
        let jobs = rig.app.start();
        rig.hello(EPOCH, &["execution", "good"]).await.expect("welcome");
        let at = |second: i64| rig.begin.plus_seconds(second).micros();
        let mut builder = BatchBuilder::new();
        let words = [(0, "ACTIVE"), (100, "FEED_HOLD"), (300, "ACTIVE"), (400, "INTERRUPTED"), (430, "ACTIVE")];
        words.iter().for_each(|(second, word)| builder.push_text(0, at(*second), word));
        let mut pieces = 0.0;
        for second in (0..590).step_by(2) {
            if !(100..300).contains(&second) && !(400..430).contains(&second) {
                builder.push_number(1, at(second), pieces);
                pieces += 1.0;
            }
        }
        rig.send(encode_frame(EPOCH, 1, rig.begin, clock::now(), &builder.finish())).await.expect("taken");
        let press = Self { rig, jobs };
        press.until(|report| report.figures.elements.pq == 179.0 && !report.stops.is_empty()).await;
        press
    }

    fn at(&self, second: i64) -> Timestamp {
        self.rig.begin.plus_seconds(second)
    }

    fn asked(&self) -> Asked {
        Asked { from: Some(self.rig.begin), to: Some(self.at(590)), profile: Profile::Iso22400 }
    }

    async fn report(&self) -> Report {
        self.rig.app.reports.report(&unit(), self.asked(), clock::now()).await.expect("a report")
    }

    async fn until(&self, holds: impl Fn(&Report) -> bool) -> Report {
        for _ in 0..500 {
            let report = self.report().await;
            if holds(&report) {
                return report;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("not so after 10 s: {:#?}", self.report().await);
    }

    fn give(&self, reason: Option<&str>, from: i64, to: Option<i64>, seen: &[i64]) -> GiveReason {
        GiveReason {
            unit: unit(),
            from: self.at(from),
            to: to.map(|to| self.at(to)),
            reason: reason.map(str::to_owned),
            comment: String::new(),
            seen: seen.to_vec(),
        }
    }

    async fn end(self) {
        self.rig.app.shutdown.cancel();
        for job in self.jobs {
            job.await.expect("ends");
        }
    }
}

fn seconds(micros: i64) -> i64 {
    micros / 1_000_000
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reason_moves_the_pareto_and_never_the_figure(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let before = press.report().await;
    let pareto = |report: &Report| -> Vec<(String, i64, u64)> {
        report.reasons.iter().map(|row| (row.name.clone(), seconds(row.micros), row.stops)).collect()
    };
    assert_eq!(
        pareto(&before),
        [("Stopped, no reason yet".to_owned(), 200, 1), ("Short stops, no reason".to_owned(), 30, 1)]
    );
    assert_eq!(seconds(before.figures.elements.minor), 30);
    let step = |report: &Report, kind: LossKind| {
        report.losses.iter().find(|step| step.kind == kind).map(|step| seconds(step.micros))
    };
    assert_eq!(step(&before, LossKind::Unexplained), Some(200));
    let lost: i64 = before.losses[1..before.losses.len() - 1].iter().map(|step| step.micros).sum();
    let last = before.losses.last().expect("good");
    assert_eq!(before.losses[0].micros - lost, last.micros, "the steps lead from planned to good");

    let app = &press.rig.app;
    let given = app.reasons.give(&press.give(Some("changeover"), 150, None, &[]), "kim", clock::now()).await;
    assert_eq!(given.expect("taken").to, Some(press.at(300)), "to the end of its stop");
    let after = press.report().await;
    assert_eq!(
        pareto(&after),
        [
            ("Changeover".to_owned(), 150, 1),
            ("Stopped, no reason yet".to_owned(), 50, 1),
            ("Short stops, no reason".to_owned(), 30, 1)
        ]
    );
    assert_eq!(after.figures.factors, before.figures.factors, "no reason makes a figure better");
    assert_eq!(step(&after, LossKind::Category(LossCategory::Setup)), Some(150));
    let stop = after.stops.iter().find(|stop| stop.from == press.at(150)).expect("split");
    assert_eq!((stop.state, stop.said.len(), stop.said[0].by.as_str()), (UnitState::Setup, 1, "kim"));

    // What is stored says the same.
    app.oee.save(clock::now()).await.expect("stores");
    let stored = sqlx::query_as::<_, (String, i64)>(
        "select coalesce(r.code, l.state), sum(micros)::bigint from kpi_loss l left join reason r on r.id = l.reason_id
         where bucket in ('delay', 'setup') group by 1 order by 2 desc",
    );
    let stored = stored.fetch_all(&app.pool).await.expect("reads");
    assert_eq!(stored, [("changeover".to_owned(), 150_000_000), ("stopped".to_owned(), 80_000_000)]);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn who_has_not_seen_the_others_word_is_shown_it(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let reasons = &press.rig.app.reasons;
    let first = reasons.give(&press.give(Some("jam"), 100, Some(300), &[]), "kim", clock::now()).await.expect("taken");
    let unseen = reasons.give(&press.give(Some("cleaning"), 200, None, &[]), "lee", clock::now()).await;
    let Err(ReasonError::Conflict(versions)) = unseen else { panic!("not refused") };
    assert_eq!(versions.theirs, std::slice::from_ref(&first));
    assert_eq!(versions.yours.reason.as_deref(), Some("cleaning"));
    let seen = reasons.give(&press.give(Some("cleaning"), 200, None, &[first.id]), "lee", clock::now()).await;
    assert_eq!(seen.expect("taken").from, press.at(200));
    let report = press.report().await;
    let said: Vec<_> =
        report.stops.iter().rev().filter_map(|s| Some((s.reason.as_deref()?, s.said[0].by.as_str()))).collect();
    assert_eq!(said, [("jam", "kim"), ("cleaning", "lee")], "what lies beyond the new word stays");

    let refused = |give: GiveReason| async move {
        match reasons.give(&give, "lee", clock::now()).await {
            Err(error) => error.to_string(),
            Ok(said) => panic!("taken: {said:?}"),
        }
    };
    assert!(refused(press.give(Some("jamm"), 100, None, &[])).await.contains("did you mean `jam`?"));
    assert!(refused(press.give(Some("jam"), 50, None, &[])).await.contains("there is no stop"));
    assert!(refused(press.give(Some("jam"), 300, Some(200), &[])).await.contains("ends"));
    assert!(refused(press.give(Some("jam"), 5000, None, &[])).await.contains("has passed"));
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn pieces_are_of_the_order_that_runs_and_a_unit_works_on_one(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let (app, now) = (&press.rig.app, clock::now());
    let cycle = IdealCycle { unit: unit(), seconds: 1.0, valid_from: Some(press.at(0)), valid_from_local: None };
    let product = PutProduct { name: "Bolt".to_owned(), margin_cents: Some(10), ideal_cycles: vec![cycle] };
    app.orders.put_product("bolt", &product, false, "max", now).await.expect("a product");
    let order = |product: &str| PutOrder {
        product: product.to_owned(),
        quantity: 100.0,
        due: None,
        at: "acme/leeds/press/line-1".parse().expect("a path"),
    };
    let no = app.orders.put_order("PO-1", &order("blot"), false, "max", now).await.expect_err("refused");
    assert!(matches!(no, OrderError::NoProduct(_)), "{no}");
    for code in ["PO-1", "PO-2"] {
        app.orders.put_order(code, &order("bolt"), true, "max", now).await.expect("an order");
    }
    let there = app.orders.put_order("PO-1", &order("bolt"), true, "max", now).await.expect_err("refused");
    assert!(matches!(there, OrderError::Exists { .. }), "{there}");
    let run = |status: OrderStatus, second: i64| ChangeOrder { status, at: Some(press.at(second)) };
    app.orders.change("PO-1", &run(OrderStatus::Running, 300), "kim", now).await.expect("starts");
    let busy = app.orders.change("PO-2", &run(OrderStatus::Running, 350), "kim", now).await.expect_err("refused");
    assert!(busy.to_string().contains("works on order `PO-1`"), "{busy}");
    app.orders.change("PO-1", &run(OrderStatus::Finished, 500), "kim", now).await.expect("finishes");
    let again = app.orders.change("PO-1", &run(OrderStatus::Running, 550), "kim", now).await.expect_err("refused");
    assert!(matches!(again, OrderError::Status { .. }), "{again}");

    app.oee.save(clock::now()).await.expect("stores");
    // Seconds 300 to 398 and 430 to 498, a piece every 2 s; the first of them was made after the stop.
    let done = app.orders.orders(&Wanted::default(), clock::now()).await.expect("orders").orders;
    let of = |code: &str| done.iter().find(|order| order.code == code).expect("known").good;
    // A piece that was made across a full hour is shared out between the two: nearly whole again, not bit for bit.
    let near = |value: f64, wanted: f64| (value - wanted).abs() < wanted * 1e-9;
    assert!(near(of("PO-1"), 85.0) && of("PO-2") == 0.0, "{} {}", of("PO-1"), of("PO-2"));
    let by_order = app.reports.compare(&unit(), CompareBy::Order, Asked::default(), clock::now()).await.expect("rows");
    let row = by_order.rows.iter().find(|row| row.key == "PO-1").expect("a row");
    assert!(near(row.elements.pri_pq, 85e6), "{} by the product's own ideal cycle", row.elements.pri_pq);
    assert_eq!(seconds(row.elements.adet), 30);
    let none = by_order.rows.iter().find(|row| row.key.is_empty()).expect("a row");
    assert_eq!(seconds(none.elements.adet), 200, "before a unit's first order nobody tells its orders");
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_reported_shift_that_changes_keeps_its_first_figures_with_the_cause(pool: PgPool) {
    use chrono::Timelike;
    let zone = chrono_tz::Europe::London;
    let local = |second: i64| clock::now().plus_seconds(second).to_utc().with_timezone(&zone);
    let hm = |second: i64| format!("{:02}:{:02}", local(second).hour(), local(second).minute());
    // From 20 to 6 minutes ago: it has ended, and was to be reported a minute ago.
    let shift =
        format!("[[site.shift]]\nname = \"Now\"\nstart = \"{}\"\nend = \"{}\"\n[[site.area]]", hm(-1200), hm(-360));
    let plant = PLANT.replacen("[[site.area]]", &shift, 1);
    let press = Press::new(pool, Some(plant)).await;
    let app = &press.rig.app;
    app.oee.save(clock::now()).await.expect("stores");
    app.oee.report_ended(clock::now()).await.expect("reports");
    let report = |profile: Profile| {
        let asked = Asked { profile, ..Asked::default() };
        async move { app.reports.report(&unit(), asked, clock::now()).await.expect("a report") }
    };
    let before = report(Profile::Iso22400).await;
    assert_eq!(before.period.shift.as_ref().map(|shift| shift.name.as_str()), Some("Now"));
    assert_eq!(before.restated, []);
    app.reasons.give(&press.give(Some("changeover"), 100, None, &[]), "kim", clock::now()).await.expect("taken");
    app.oee.save(clock::now()).await.expect("stores");
    let after = report(Profile::Iso22400).await;
    assert_eq!(after.restated.len(), 1, "{:?}", after.restated);
    let cause = &after.restated[0].changes[0];
    assert_eq!((cause.cause.as_str(), cause.by.as_deref()), ("reason given", Some("kim")));
    assert_eq!(after.restated[0].reported.oee, before.figures.factors.oee);
    // Once more the same changes nothing, and leaves no line.
    app.oee.save(clock::now()).await.expect("stores");
    assert_eq!(report(Profile::Iso22400).await.restated, after.restated);
    let tpm = report(Profile::Tpm).await;
    assert_eq!(tpm.figures.factors.oee, after.figures.factors.oee);
    // Rules that make states name who put them.
    let rule = StateRule {
        name: "Holds".to_owned(),
        scope: String::new(),
        condition: "cause = \"FEED_HOLD\"".to_owned(),
        state: UnitState::Producing,
    };
    app.rules.put_rules(&StateRules { rules: vec![rule] }, "max", clock::now()).await.expect("taken");
    let mut changes = Vec::new();
    for _ in 0..500 {
        app.oee.save(clock::now()).await.ok();
        let changed = report(Profile::Iso22400).await;
        changes = changed.restated.iter().flat_map(|restated| restated.changes.clone()).collect();
        if changes.len() > 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let named: Vec<_> = changes.iter().map(|change| (change.cause.as_str(), change.by.as_deref())).collect();
    assert_eq!(named, [("state rules changed", Some("max")), ("reason given", Some("kim"))]);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_figure_opens_down_to_its_counts_and_gaps(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let app = &press.rig.app;
    let asked = Asked { from: Some(press.at(-100)), to: Some(press.at(590)), profile: Profile::Iso22400 };
    let made = app.reports.derivation(&unit(), "oee", asked, clock::now()).await.expect("a derivation");
    let counted: f64 = made.counts.iter().map(|count| count.total).sum();
    assert_eq!((counted, made.elements.pq), (made.elements.pq, 179.0));
    let time: i64 = made.intervals.iter().flat_map(|it| &it.buckets).map(|(_, micros)| micros).sum();
    assert_eq!(time, made.elements.calendar);
    assert_eq!((made.gaps.len(), made.gaps[0].cause.as_str(), made.gaps[0].to), (1, "NOT WATCHED", press.at(0)));
    let oee = made.formulas.iter().find(|formula| formula.figure == "oee").expect("is there");
    assert_eq!(oee.value, made.elements.oee());
    assert!(made.signals.iter().any(|signal| signal.code == "good" && signal.samples == 180));
    let none = app.reports.derivation(&unit(), "beauty", asked, clock::now()).await;
    assert!(matches!(none, Err(ReportError::Refused(told)) if told.contains("there is no figure `beauty`")));
    let reversed = Asked { from: asked.to, to: asked.from, ..asked };
    assert!(matches!(app.reports.report(&unit(), reversed, clock::now()).await, Err(ReportError::Refused(_))));
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_note_is_not_overwritten_unseen(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let reasons = &press.rig.app.reasons;
    let put = |text: &str, seen: Option<i64>| PutNote {
        at: unit(),
        from: press.at(0),
        to: press.at(590),
        text: text.to_owned(),
        seen,
    };
    let first =
        reasons.put_note(&put("coil changed", None), "kim", clock::now()).await.expect("taken").expect("a note");
    let unseen = reasons.put_note(&put("die cleaned", None), "lee", clock::now()).await.expect_err("refused");
    assert!(unseen.to_string().contains("kim has written here meanwhile: \"coil changed\""), "{unseen}");
    assert_eq!(press.report().await.notes.first().map(|note| note.text.as_str()), Some("coil changed"));
    assert_eq!(reasons.put_note(&put(" ", Some(first.id)), "lee", clock::now()).await.expect("taken"), None);
    assert_eq!(press.report().await.notes, []);
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_rule_is_tried_before_it_gives_reasons_and_people_stand_over_it(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let (app, now) = (&press.rig.app, clock::now());
    let rule = |condition: &str| ReasonRule {
        name: "Feed hold".to_owned(),
        scope: "acme/leeds".to_owned(),
        condition: condition.to_owned(),
        reason: "jam".to_owned(),
    };
    let trial = |condition: &str| TryRule { rule: rule(condition), from: press.at(0), to: press.at(590) };
    let tried = app.reasons.try_rule(&trial("cause like \"FEED*\""), now).await.expect("tried");
    assert_eq!((tried.changed, seconds(tried.micros), tried.kept_by_people), (1, 200, 0));
    assert_eq!(press.report().await.reasons.len(), 2, "a trial changes nothing");
    let short = app.reasons.try_rule(&trial("lasts < 1 min"), now).await.expect("tried");
    assert_eq!((short.changed, seconds(short.micros)), (1, 30));

    let refused = |condition: &str| {
        let trial = trial(condition);
        async move { app.reasons.try_rule(&trial, clock::now()).await.expect_err("refused").to_string() }
    };
    let unknown = refused("tmp > 5").await;
    assert!(unknown.contains("no unit at or below `acme/leeds` has a signal `tmp`; did you mean `temp`?"), "{unknown}");
    assert!(refused("cause like").await.contains("text"), "{}", refused("cause like").await);

    let said = app.reasons.give(&press.give(Some("cleaning"), 100, Some(200), &[]), "kim", now).await.expect("taken");
    let rules = ReasonRules { rules: vec![rule("cause like \"FEED*\"")] };
    app.reasons.put_rules(&rules, "max", clock::now()).await.expect("taken");
    let after = press.until(|report| report.reasons.iter().any(|row| row.name == "Jam or misfeed")).await;
    let named = |name: &str| after.reasons.iter().find(|row| row.name == name).map(|row| seconds(row.micros));
    assert_eq!((named("Jam or misfeed"), named("Cleaning")), (Some(100), Some(100)));
    assert!(after.stops.iter().any(|stop| stop.by_rule && stop.from == press.at(200)));
    // Taken back by a person, the rule's word is gone too.
    app.reasons.give(&press.give(None, 100, Some(300), &[said.id]), "kim", clock::now()).await.expect("taken");
    assert!(press.report().await.reasons.iter().all(|row| row.reason.is_none()));
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn the_same_shift_of_the_day_before_stands_beside_the_running_one(pool: PgPool) {
    use chrono::Timelike;
    let local = |second: i64| clock::now().plus_seconds(second).to_utc().with_timezone(&chrono_tz::Europe::London);
    let hm = |second: i64| format!("{:02}:{:02}", local(second).hour(), local(second).minute());
    // From 20 minutes ago for 18 hours.
    let shift =
        format!("[[site.shift]]\nname = \"Long\"\nstart = \"{}\"\nend = \"{}\"\n[[site.area]]", hm(-1200), hm(63_600));
    let press = Press::new(pool, Some(PLANT.replacen("[[site.area]]", &shift, 1))).await;
    let app = &press.rig.app;
    app.oee.save(clock::now()).await.expect("stores");
    let earlier = |now: Timestamp| async move { app.reports.earlier(now).await.expect("earlier") };
    assert_eq!(earlier(press.at(300)).await.nodes, [], "nothing is known of yesterday");
    for days in [1, 7] {
        let then = press.at(300 + i64::from(days) * 86_400);
        // Another job may be about to store the same.
        while earlier(then).await.nodes.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let earlier = earlier(then).await;
        let paths: Vec<&str> = earlier.nodes.iter().map(|node| node.path.as_str()).collect();
        assert_eq!(paths, ["acme/leeds", "acme/leeds/press", "acme/leeds/press/line-1"]);
        for node in &earlier.nodes {
            let [shift] = node.shifts.as_slice() else { panic!("one shift: {node:?}") };
            assert_eq!((shift.days, shift.good), (days, 179.0));
            let (oee, coverage) = (shift.oee.expect("rated"), shift.coverage.expect("planned"));
            assert!((0.3..0.7).contains(&oee) && (0.1..1.0).contains(&coverage), "{shift:?}");
        }
    }
    press.end().await;
}

#[sqlx::test(migrations = "../migrations")]
async fn a_report_is_a_document_too(pool: PgPool) {
    let press = Press::new(pool, None).await;
    let app = &press.rig.app;
    app.reasons.give(&press.give(Some("changeover"), 100, None, &[]), "kim", clock::now()).await.expect("taken");
    let note =
        PutNote { at: unit(), from: press.at(0), to: press.at(590), text: "Die 3 wears ✔".to_owned(), seen: None };
    app.reasons.put_note(&note, "kim", clock::now()).await.expect("taken");
    let report = press.report().await;
    let document = super::pdf::render(&report).expect("a document");
    assert!(document.starts_with(b"%PDF-") && document.len() > 10_000, "{} bytes", document.len());
    assert!(super::pdf::file_name(&report).starts_with("press-1-20"));
    press.end().await;
}
