//! Through the router, against a real database.

use axum::{Router, body::Body};
use chrono::{Days, NaiveDate};
use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    calendar::CalendarView,
    problem::Problem,
};
use gemba_domain::{Interval, Timestamp, access::Role, equipment::EquipmentId};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

use crate::{
    auth, clock,
    ingest::tests::{EPOCH, PLANT, Rig, UNIT},
    oee, web,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const SITE: &str = "/api/v1/calendar/acme/leeds";

/// The plant of one press, in UTC, with a signed-in manager.
struct Site {
    rig: Rig,
    router: Router,
    pool: PgPool,
    manager: String,
}

async fn session(pool: &PgPool, name: &str, role: Role) -> String {
    auth::add_user(pool, &name.parse().unwrap(), role).await.unwrap();
    let token = format!("{name:x<43}");
    sqlx::query(
        "with u as (update user_account set must_change_password = false where username = $1 returning id)
         insert into user_session (id, user_id, token_sha256, address, user_agent) select id, id, sha256($2), '::', '' from u",
    )
    .bind(name)
    .bind(token.as_bytes())
    .execute(pool)
    .await
    .unwrap();
    format!("gemba={token}")
}

fn utc(plant: &str) -> String {
    plant.replace("Europe/London", "UTC")
}

impl Site {
    async fn new(pool: PgPool) -> Self {
        let rig = Rig::new(pool.clone()).await;
        rig.app.plant.import(&utc(PLANT)).await.unwrap();
        let manager = session(&pool, "mia", Role::Manager).await;
        Self { router: web::router(rig.app.clone()), rig, pool, manager }
    }

    async fn ask(&self, method: Method, path: &str, session: &str, body: Value) -> Result<CalendarView, Problem> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, session)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        if status == StatusCode::OK {
            Ok(serde_json::from_slice(&bytes).unwrap())
        } else {
            Err(serde_json::from_slice(&bytes).unwrap())
        }
    }

    async fn put(&self, definition: Value, valid_from: Option<Timestamp>) -> Result<CalendarView, Problem> {
        let body = json!({ "definition": definition, "valid_from": valid_from });
        self.ask(Method::PUT, SITE, &self.manager, body).await
    }

    fn unit(&self) -> EquipmentId {
        self.rig.app.plant.current().unit(&UNIT.parse().unwrap()).unwrap().unit.id
    }

    /// The press produced over all of this period.
    async fn produced(&self, period: Interval) {
        self.rig.hello(EPOCH, &["execution"]).await.unwrap();
        let mut builder = BatchBuilder::new();
        builder.push_text(0, period.from.micros(), "ACTIVE");
        self.rig.send(encode_frame(EPOCH, 1, period.from, period.to, &builder.finish())).await.unwrap();
    }

    /// Derives all that is stale of this period again, and what is noted beside it.
    async fn derive(&self, period: Interval) {
        self.rig.app.oee.prepare();
        let mut db = self.pool.acquire().await.unwrap();
        oee::note_stale(&mut db, self.unit(), period, &oee::Cause::late_samples()).await.unwrap();
        while self.rig.app.oee.derive_stale(clock::now()).await.unwrap().is_some() {}
    }

    /// Hour, begin and name of the shift, breaks and producing time of each stored row before a moment.
    async fn elements(&self, before: Timestamp) -> Vec<(String, Option<String>, i64, i64)> {
        sqlx::query_as(
            "select hour::text || ' ' || shift_from::text, shift_name, breaks, apt from kpi_element where hour < $1 order by 1",
        )
        .bind(before.to_utc())
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }
}

fn shift(name: &str, start: &str, end: &str, breaks: &[&str]) -> Value {
    json!({ "name": name, "start": start, "end": end, "breaks": breaks })
}

fn three() -> Value {
    let night = shift("Night", "22:00", "06:00", &["02:00-02:20"]);
    json!({ "shifts": [shift("Early", "06:00", "14:00", &["10:00-10:20"]), shift("Late", "14:00", "22:00", &[]), night] })
}

fn midnight(days_ago: i64) -> Timestamp {
    Timestamp::from_seconds(clock::now().micros().div_euclid(DAY * 1_000_000) * DAY - days_ago * DAY)
}

#[sqlx::test(migrations = "../migrations")]
async fn a_changed_calendar_leaves_the_past_as_it_was(pool: PgPool) {
    let site = Site::new(pool).await;
    site.put(three(), Some(midnight(20))).await.expect("taken");
    let past = Interval::new(midnight(6), midnight(4));
    site.produced(past).await;
    site.derive(past).await;
    let before = site.elements(midnight(4)).await;
    assert!(before.iter().any(|row| row.1.as_deref() == Some("Night") && row.3 > 0), "{before:?}");

    let changed =
        json!({ "shifts": [shift("Day", "07:00", "19:00", &["12:00-13:00"]), shift("Dark", "19:00", "07:00", &[])] });
    let view = site.put(changed.clone(), None).await.expect("taken");
    let names: Vec<&str> = view.shifts.iter().map(|shift| &*shift.name).collect();
    assert!(names.contains(&"Day") && names.contains(&"Dark"), "{names:?}");
    assert_eq!(
        view.versions.iter().map(|v| (&*v.changed_by, v.current)).collect::<Vec<_>>(),
        [("mia", true), ("mia", false), ("plant file", false)]
    );
    site.derive(past).await;
    assert_eq!(site.elements(midnight(4)).await, before, "late samples find the calendar of their time");

    // The same again is no version.
    let again = site.put(changed, None).await.expect("taken");
    assert_eq!(again.versions.len(), 3);
    let audited: i64 = sqlx::query_scalar(
        "select count(*) from audit_entry where action = 'calendar.put' and actor = 'mia' and subject = 'acme/leeds'",
    )
    .fetch_one(&site.pool)
    .await
    .unwrap();
    assert_eq!(audited, 2);
}

#[sqlx::test(migrations = "../migrations")]
async fn a_version_valid_from_the_past_restates_what_was_reported_in_the_users_name(pool: PgPool) {
    let site = Site::new(pool).await;
    let app = &site.rig.app;
    site.put(three(), Some(midnight(20))).await.expect("taken");
    let past = Interval::new(midnight(3), clock::now());
    site.produced(past).await;
    site.derive(past).await;
    assert!(app.oee.report_ended(clock::now().plus_seconds(600)).await.unwrap() > 0);
    let reported = app.oee.reported(site.unit(), past).await.unwrap();
    let last = reported.last().expect("a shift was reported").clone();
    assert!(reported.iter().all(|shift| shift.changes.is_empty()));

    // Breaks of an hour in each shift.
    let longer = json!({ "shifts": [
        shift("Early", "06:00", "14:00", &["10:00-11:00"]),
        shift("Late", "14:00", "22:00", &["18:00-19:00"]),
        shift("Night", "22:00", "06:00", &["02:00-03:00"]),
    ] });
    site.put(longer, Some(last.shift_from)).await.expect("taken");
    while app.oee.derive_stale(clock::now()).await.unwrap().is_some() {}
    let reported = app.oee.reported(site.unit(), past).await.unwrap();
    let restated = reported.iter().find(|shift| shift.shift_from == last.shift_from).expect("it stands");
    assert_eq!(restated.elements, last.elements, "the earlier report stays");
    let [change] = &restated.changes[..] else { panic!("one line: {:?}", restated.changes) };
    assert_eq!((change.cause.text.as_str(), change.cause.by.as_deref()), ("calendar changed", Some("mia")));
    assert_eq!(change.after.breaks, HOUR * 1_000_000);
    let before = reported.iter().filter(|shift| shift.shift_from < last.shift_from);
    assert!(before.clone().all(|shift| shift.changes.is_empty()), "{:?}", before.collect::<Vec<_>>());

    // Other shifts back then: the reported ones have no time left, and those in their place are reported.
    let two = json!({ "shifts": [shift("Day", "05:00", "17:00", &[]), shift("Dark", "17:00", "05:00", &[])] });
    site.put(two, Some(midnight(2).plus_seconds(6 * HOUR))).await.expect("taken");
    while app.oee.derive_stale(clock::now()).await.unwrap().is_some() {}
    let reported = app.oee.reported(site.unit(), past).await.unwrap();
    let gone = reported.iter().find(|shift| shift.shift_from == last.shift_from).expect("it stands");
    assert_eq!(gone.elements, last.elements);
    assert_eq!(gone.changes.last().map(|change| change.after.apt), Some(0));
    assert!(reported.iter().any(|shift| shift.shift_name == "Dark" && shift.elements.apt > 0), "{reported:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn the_engine_names_the_user_for_what_it_holds_in_memory(pool: PgPool) {
    let site = Site::new(pool).await;
    let app = &site.rig.app;
    let now = clock::now();
    let hour = |hours: i64| now.plus_seconds(hours * HOUR).to_utc().format("%H:%M").to_string();
    let week = |pause: &str| json!({ "shifts": [shift("First", &hour(-4), &hour(-2), &[pause]), shift("Second", &hour(-2), &hour(-4), &[])] });
    let jobs = app.start();
    site.put(week(&format!("{}-{}", hour(-4), hour(-3))), Some(now.plus_seconds(-30 * HOUR))).await.expect("taken");
    site.produced(Interval::new(now.plus_seconds(-6 * HOUR), now)).await;
    let reported = async |count: usize| {
        for _ in 0..600 {
            let found = app.oee.reported(site.unit(), Interval::new(now.plus_seconds(-5 * HOUR), now)).await.unwrap();
            if let Some(first) =
                found.into_iter().find(|shift| shift.shift_name == "First" && shift.changes.len() == count)
            {
                return first;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("not reported with {count} changes after 60 s");
    };
    let first = reported(0).await;
    // Without the break.
    let shorter =
        json!({ "shifts": [shift("First", &hour(-4), &hour(-2), &[]), shift("Second", &hour(-2), &hour(-4), &[])] });
    site.put(shorter, Some(first.shift_from)).await.expect("taken");
    let restated = reported(1).await;
    assert_eq!(restated.changes[0].cause, oee::Cause::by("calendar changed", "mia"));
    assert_eq!((restated.elements.breaks, restated.changes[0].after.breaks), (HOUR * 1_000_000, 0));
    app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_day_of_25_hours_and_one_of_23_have_their_shifts(pool: PgPool) {
    let site = Site::new(pool).await;
    let app = &site.rig.app;
    app.plant.import(PLANT).await.unwrap();
    let put = serde_json::from_value(json!({ "definition": three() })).unwrap();
    let nights = async |now: &str, day: &str| {
        let now: Timestamp = now.parse().unwrap();
        let view = app.calendars.put("acme/leeds", &put, "mia", now).await.expect("taken");
        assert_eq!(view.days.len(), 14);
        let day: NaiveDate = day.parse().unwrap();
        let night = view.shifts.into_iter().find(|shift| &*shift.name == "Night" && shift.day == day).expect("a night");
        assert_eq!((&*night.from_local, &*night.to_local), ("22:00", "06:00"));
        (night.to.micros_since(night.from) / 3_600_000_000, night.clock_change_minutes, night.breaks_local.join(" "))
    };
    assert_eq!(nights("2026-10-20T10:00:00Z", "2026-10-24").await, (9, 60, "02:00-02:20".to_owned()));
    assert_eq!(nights("2027-03-20T10:00:00Z", "2027-03-27").await, (7, -60, "02:00-02:20".to_owned()));
}

#[sqlx::test(migrations = "../migrations")]
async fn what_cannot_be_is_refused_and_named(pool: PgPool) {
    let site = Site::new(pool).await;
    let refused = async |definition: Value, from: Option<Timestamp>| {
        let problem = site.put(definition, from).await.expect_err("refused");
        assert_eq!((problem.status, &*problem.kind), (422, "calendar-refused"));
        problem.detail.unwrap_or_default()
    };
    let overlap = json!({ "shifts": [shift("Early", "06:00", "14:00", &[]), shift("Late", "13:00", "22:00", &[])] });
    let told = refused(overlap, None).await;
    assert!(
        told.contains("`Early` of Monday (06:00-14:00)") && told.contains("`Late` of Monday (13:00-22:00)"),
        "{told}"
    );
    let with = |rotation: &str, of: &str| {
        let mut definition = three();
        definition["rotations"] =
            json!([{ "name": "r", "segments": [{ "shift": rotation, "days_on": 2, "days_off": 2 }] }]);
        definition["teams"] = json!([{ "name": "A", "rotation": of, "start": "2026-01-01" }]);
        definition
    };
    let told = refused(with("Nigth", "r"), None).await;
    assert!(told.contains("rotation `r` wants shift `Nigth`") && told.contains("did you mean `Night`?"), "{told}");
    let told = refused(with("Night", "q"), None).await;
    assert!(told.contains("team `A` wants rotation `q`"), "{told}");
    let told = refused(three(), Some(clock::now().plus_seconds(-91 * DAY))).await;
    assert!(told.contains("more than 90 days ago"), "{told}");
    let shown = site.ask(Method::GET, SITE, &site.manager, Value::Null).await.expect("shown");
    assert_eq!(shown.versions.len(), 1, "nothing was taken");

    // A hole in a rota is said, and taken.
    let view = site.put(with("Night", "r"), None).await.expect("taken");
    assert!(
        view.warnings.len() == 1 && view.warnings[0].contains("No team works shift `Early` on"),
        "{:?}",
        view.warnings
    );
    let nights: Vec<_> = view.shifts.iter().filter(|s| &*s.name == "Night").map(|s| s.team.as_deref()).collect();
    assert!(!nights.is_empty() && nights.iter().all(|team| *team == Some("A")), "{nights:?}");

    let operator = session(&site.pool, "eva", Role::Operator).await;
    assert!(site.ask(Method::GET, SITE, &operator, Value::Null).await.is_ok());
    let body = json!({ "definition": three() });
    assert_eq!(site.ask(Method::PUT, SITE, &operator, body).await.expect_err("refused").status, 403);
    let none = site.ask(Method::GET, "/api/v1/calendar/acme/hull", &operator, Value::Null).await;
    assert_eq!(none.expect_err("refused").status, 404);
}

#[sqlx::test(migrations = "../migrations")]
async fn closures_are_entered_ahead_and_taken_back_until_they_begin(pool: PgPool) {
    let site = Site::new(pool).await;
    let day = |days: u64| (clock::now().to_utc().date_naive() + Days::new(days)).to_string();
    let path = format!("{SITE}/closures");
    let put = async |from: &str, to: &str, kind: &str| {
        let body = json!({ "name": "Overhaul", "from": from, "to": to, "kind": kind });
        site.ask(Method::PUT, &path, &site.manager, body).await
    };
    let view = put(&format!("{} 08:00", day(3)), &day(4), "planned_downtime").await.expect("taken");
    assert_eq!(view.closures.iter().map(|c| &*c.from_local).collect::<Vec<_>>(), [format!("{} 08:00", day(3))]);
    let stops = |view: &CalendarView| {
        view.shifts.iter().flat_map(|shift| shift.planned_stops_local.clone()).collect::<Vec<_>>()
    };
    assert_eq!(stops(&view), ["08:00-00:00"]);
    let view =
        put(&format!("{} 08:00", day(3)), &format!("{} 12:00", day(3)), "planned_downtime").await.expect("altered");
    assert_eq!(stops(&view), ["08:00-12:00"]);
    let begun = put("2026-01-01", &day(4), "holiday").await.expect_err("refused");
    assert_eq!((begun.status, &*begun.kind), (422, "closure-begun"));
    assert!(begun.detail.unwrap().contains("`Overhaul` begins at 2026-01-01 00:00"));
    let kind = put(&day(5), &day(6), "holliday").await.expect_err("refused").detail.unwrap();
    assert!(kind.contains("did you mean `holiday`?"), "{kind}");
    let reversed = put(&day(6), &day(5), "holiday").await.expect_err("refused").detail.unwrap();
    assert!(reversed.contains("not after its begin"), "{reversed}");

    // The plant file has no say over what was entered here.
    let plan = site.rig.app.plant.import(&utc(PLANT)).await.unwrap();
    assert!(plan.is_empty(), "{:?}", plan.changes);

    let delete = async |name: &str, from: &str| {
        let path = format!("{path}?name={name}&from={}", from.replace(' ', "%20"));
        site.ask(Method::DELETE, &path, &site.manager, Value::Null).await
    };
    assert_eq!(delete("Other", &day(3)).await.expect_err("refused").status, 404);
    let gone = delete("Overhaul", &format!("{} 08:00", day(3))).await.expect("removed");
    assert!(gone.closures.is_empty() && stops(&gone).is_empty());
    sqlx::query("insert into shift_closure (site_id, name, closed_from, closed_to, kind) select id, 'Old', now() - interval '1 day', now() + interval '1 day', 'holiday' from equipment where level = 'site'")
        .execute(&site.pool)
        .await
        .unwrap();
    let old: String = sqlx::query_scalar(
        "select to_char(closed_from at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from shift_closure",
    )
    .fetch_one(&site.pool)
    .await
    .unwrap();
    assert_eq!(delete("Old", &old).await.expect_err("refused").kind, "closure-begun");
    let left: i64 = sqlx::query_scalar("select count(*) from shift_closure").fetch_one(&site.pool).await.unwrap();
    assert_eq!(left, 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn an_import_adds_a_version_and_does_not_undo_what_was_changed_since(pool: PgPool) {
    let site = Site::new(pool).await;
    let plant = &site.rig.app.plant;
    let file = |shifts: &str| utc(PLANT).replacen("[[site.area]]", &format!("{shifts}\n[[site.area]]"), 1);
    let early = "[[site.shift]]\nname = \"Early\"\nstart = \"06:00\"\nend = \"14:00\"";
    let plan = plant.import(&file(early)).await.unwrap();
    let told: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["~ shifts of acme/leeds: none -> Early 06:00-14:00"]);
    assert!(plant.import(&file(early)).await.unwrap().is_empty());
    let names = |from: Timestamp| {
        let calendar = plant.current().sites[0].calendar.clone();
        let shifts = calendar.shifts(Interval::new(from, from.plus_seconds(DAY)));
        shifts.iter().map(|shift| format!("{} {:?}", shift.name, shift.team)).collect::<Vec<_>>()
    };
    assert_eq!(names(midnight(5)), ["Day None"], "the past was planned whole, and stays so");
    assert_eq!(names(midnight(-5)), ["Early None"]);

    let teams = format!(
        "{early}\n[[site.rotation]]\nname = \"daily\"\nsegments = [{{ shift = \"Early\", days_on = 1 }}]\n\
         [[site.team]]\nname = \"A\"\nrotation = \"daily\"\nstart = \"2026-01-01\""
    );
    let plan = plant.import(&file(&teams)).await.unwrap();
    let told: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    let expected = "rotations none -> daily (1x Early 0 off), teams none -> A daily from 2026-01-01";
    assert_eq!(told, [format!("~ shifts of acme/leeds: {expected}")]);
    assert_eq!(names(midnight(-5)), ["Early Some(\"A\")"]);

    // Changed in pages; a file that says nothing new of it leaves it alone.
    site.put(three(), None).await.expect("taken");
    let plan = plant.import(&file(&teams)).await.unwrap();
    assert!(
        plan.is_empty() && plan.notes.len() == 1 && plan.notes[0].contains("stay as they were changed"),
        "{plan:?}"
    );
    assert_eq!(names(midnight(-5)).len(), 4);
    assert!(!plant.import(&file(early)).await.unwrap().is_empty(), "another file does change it");
    assert_eq!(names(midnight(-5)), ["Early None"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn the_page_is_complete_without_a_script(pool: PgPool) {
    let site = Site::new(pool).await;
    site.put(three(), Some(midnight(2))).await.expect("taken");
    let operator = session(&site.pool, "eva", Role::Operator).await;
    let page = async |path: &str, session: &str| {
        let request = Request::get(path).header(header::COOKIE, session).body(Body::empty()).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 22).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    };
    let (status, shown) = page("/calendar/acme/leeds", &site.manager).await;
    assert_eq!(status, StatusCode::OK);
    for part in
        ["22:00–06:00", "breaks 02:00-02:20", "Night 22:00-06:00 every day", "plant file", "Store as a new version"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    let (_, read_only) = page("/calendar/acme/leeds", &operator).await;
    assert!(read_only.contains("22:00–06:00") && !read_only.contains("Store as a new version"));
    assert_eq!(page("/calendar/acme/hull", &operator).await.0, StatusCode::NOT_FOUND);
}
