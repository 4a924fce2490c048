//! A report on paper: what the line page shows of a shift, as PDF to print, sign and keep.

mod sheet;

use gemba_app::format::{
    NO_VALUE, clock_time, day_time_seconds, decimal, money, percent, pieces, shift_title, signed_points, span,
    state_word, stretch_text, time_ticks,
};
use gemba_contract::report::{LossKind, Report, Stop};
use gemba_domain::state::UnitState;

pub use sheet::PdfError;
use sheet::{BAD, BLACK, Column, GREY, Ink, Sheet, Style, WIDTH};

/// Stops on paper; the rest is told by number.
const MOST_STOPS: usize = 60;
/// Reasons on paper.
const MOST_REASONS: usize = 15;

/// Writes it. What was not known when it was made stays away; nothing is asked for here.
///
/// # Errors
/// The document cannot be made.
pub fn render(report: &Report) -> Result<Vec<u8>, PdfError> {
    let mut sheet = Sheet::new()?;
    title(&mut sheet, report);
    figures(&mut sheet, report);
    states(&mut sheet, report);
    board(&mut sheet, report);
    losses(&mut sheet, report);
    stops(&mut sheet, report);
    notes(&mut sheet, report);
    let made = day_time_seconds(report.at, report.utc_offset_minutes);
    let foot = format!(
        "{} · {} version {} · made {made} ({})",
        report.path,
        report.profile.title(),
        report.profile_version,
        report.time_zone
    );
    sheet.finish(&format!("{}, {}", report.name, period(report)), &foot)
}

/// A name for the file: `line-1-2026-11-24-late.pdf`.
pub fn file_name(report: &Report) -> String {
    let shift = report.period.shift.as_ref().map(|shift| format!("-{}", shift.name)).unwrap_or_default();
    let name: String = format!("{}-{}{shift}", report.path.leaf(), report.period.day)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' })
        .collect();
    format!("{name}.pdf")
}

fn period(report: &Report) -> String {
    let stretch = stretch_text(report.period.from, report.period.to, report.utc_offset_minutes);
    // What is kept for years says the year.
    let dated = format!("{stretch} ({})", report.period.day);
    match &report.period.shift {
        Some(shift) => format!("{}, {dated}", shift_title(&shift.name)),
        None => dated,
    }
}

fn title(sheet: &mut Sheet, report: &Report) {
    let above: Vec<&str> = report.around.above.iter().map(|(name, _)| name.as_str()).collect();
    sheet.put(0.0, Style::regular(9.0).ink(GREY), above.join(" › "));
    sheet.gap(14.0);
    sheet.put(0.0, Style::bold(18.0), report.name.clone());
    sheet.gap(26.0);
    sheet.put(0.0, Style::regular(10.0), period(report));
    if report.now.is_some() {
        let until = clock_time(report.at, report.utc_offset_minutes);
        sheet.put_to(WIDTH, Style::bold(9.0).ink(BAD), format!("still running, as of {until}"));
    }
    sheet.gap(24.0);
}

fn figures(sheet: &mut Sheet, report: &Report) {
    let f = &report.figures;
    let gap = f.factors.oee.zip(f.target_oee).map(|(oee, target)| format!("{} to target", signed_points(oee - target)));
    let boxes = [
        ("OEE", format!("{} %", percent(f.factors.oee)), gap.unwrap_or_default()),
        ("Availability", format!("{} %", percent(f.factors.availability)), String::new()),
        ("Performance", format!("{} %", percent(f.factors.performance)), String::new()),
        ("Quality", format!("{} %", percent(f.factors.quality)), format!("{} scrapped", pieces(f.elements.sq))),
        (
            "Good pieces",
            pieces(f.elements.gq),
            f.target_pieces.map_or_else(String::new, |target| format!("of {}", pieces(target))),
        ),
        ("Coverage", format!("{} %", percent(f.coverage)), "of planned time".to_owned()),
    ];
    let width = WIDTH / boxes.len() as f32;
    for (at, (name, value, note)) in boxes.into_iter().enumerate() {
        let x = at as f32 * width;
        sheet.put(x, Style::regular(8.0).ink(GREY), name);
        sheet.gap(12.0);
        sheet.put(x, Style::bold(15.0), value);
        sheet.gap(20.0);
        sheet.put(x, Style::regular(7.5).ink(GREY), note);
        sheet.gap(-32.0);
    }
    sheet.gap(48.0);
    let mut said = Vec::new();
    for compared in &report.compared {
        said.push(format!("OEE of {}: {} %", compared.label, percent(compared.factors.oee)));
    }
    let r = &f.reliability;
    if let Some(mtbf) = r.mtbf_seconds {
        said.push(format!("MTBF {} (n = {})", span(mtbf), r.failures));
    }
    if let Some(mttr) = r.mttr_seconds {
        said.push(format!("MTTR {} (n = {})", span(mttr), r.restored));
    }
    if let Some(cents) = f.lost_cents {
        said.push(format!("cost of losses {}", money(cents, &report.currency)));
    }
    if f.ideal_cycle_suspect {
        said.push("the ideal cycle is suspect: more was made than it allows".to_owned());
    }
    if !said.is_empty() {
        sheet.paragraph(Style::regular(8.5), &format!("{}.", said.join("; ")));
    }
    for restated in &report.restated {
        let causes: Vec<String> = restated.changes.iter().map(|change| change.cause.clone()).collect();
        let text = format!(
            "Restated: {} was reported with OEE {} %, now {} % ({}).",
            shift_title(&restated.shift.name),
            percent(restated.reported.oee),
            percent(restated.now.oee),
            causes.join(", ")
        );
        sheet.paragraph(Style::regular(8.5), &text);
    }
}

/// As on the screen, in the colours of the light theme.
const fn ink_of(state: UnitState) -> Ink {
    match state {
        UnitState::Producing => [0xa5, 0xbe, 0xb4],
        UnitState::Setup => [0x6f, 0x9b, 0xd1],
        UnitState::Stopped => [0xc8, 0x40, 0x1f],
        UnitState::Blocked => [0xdd, 0x9a, 0x0c],
        UnitState::Starved => [0xee, 0xca, 0x80],
        UnitState::Idle => [0xdd, 0xe1, 0xe5],
        UnitState::Maintenance => [0x8a, 0x63, 0xb8],
        UnitState::Off => [0xb4, 0xbc, 0xc4],
        UnitState::Unknown => [0xf4, 0xf5, 0xf6],
    }
}

/// A strip a unit, with the hours below, and what the colours mean.
fn states(sheet: &mut Sheet, report: &Report) {
    let (from, to) = (report.period.from, report.period.to);
    let whole = to.micros_since(from).max(1) as f32;
    if report.lanes.is_empty() {
        return;
    }
    sheet.heading("What the units did");
    let (left, height) = (90.0, 11.0);
    let width = WIDTH - left;
    let place = |time: gemba_domain::Timestamp| left + time.micros_since(from) as f32 / whole * width;
    let mut seen: Vec<UnitState> = Vec::new();
    for lane in &report.lanes {
        sheet.need(height + 20.0);
        let style = if lane.key_unit { Style::bold(8.0) } else { Style::regular(8.0) };
        sheet.put(0.0, style, lane.name.clone());
        sheet.area((left, 0.0), (width, height), ink_of(UnitState::Unknown));
        for segment in &lane.segments {
            let (begin, end) = (place(segment.from.max(from)), place(segment.to.min(to)));
            sheet.area((begin, 0.0), (end - begin, height), ink_of(segment.state));
            if !seen.contains(&segment.state) {
                seen.push(segment.state);
            }
        }
        sheet.gap(height + 3.0);
    }
    for (time, text) in time_ticks(from, to, report.utc_offset_minutes, 9) {
        sheet.put(place(time), Style::regular(7.0).ink(GREY), text);
        sheet.area((place(time), -3.0), (0.5, 3.0), GREY);
    }
    sheet.gap(14.0);
    let mut x = left;
    for state in UnitState::ALL.iter().copied().filter(|state| seen.contains(state)) {
        sheet.area((x, 1.0), (7.0, 7.0), ink_of(state));
        sheet.put(x + 10.0, Style::regular(7.5).ink(GREY), state_word(state));
        x += 58.0;
    }
    sheet.gap(12.0);
}

fn board(sheet: &mut Sheet, report: &Report) {
    if report.rows.is_empty() {
        return;
    }
    sheet.heading(match report.rows_by {
        gemba_contract::report::RowsBy::Hour => "Hour by hour",
        gemba_contract::report::RowsBy::Day => "Day by day",
    });
    let number = |value: Option<f64>| value.map_or_else(|| NO_VALUE.to_owned(), pieces);
    let rows: Vec<Vec<String>> = report
        .rows
        .iter()
        .map(|row| {
            let mut happened: Vec<String> =
                row.happened.iter().map(|(what, micros)| format!("{what} {}", span(*micros as f64 / 1e6))).collect();
            happened.extend(row.comment.as_ref().map(|note| format!("“{}” ({})", note.text, note.by)));
            vec![
                stretch_text(row.from, row.to, report.utc_offset_minutes).split_once(", ").map_or_else(
                    String::new,
                    |(day, time)| match report.rows_by {
                        gemba_contract::report::RowsBy::Hour => time.to_owned(),
                        gemba_contract::report::RowsBy::Day => day.to_owned(),
                    },
                ),
                number(row.target),
                pieces(row.good),
                row.total_gap.map_or_else(|| NO_VALUE.to_owned(), |gap| decimal(gap, 0)),
                pieces(row.scrap),
                percent(row.oee),
                happened.join("; "),
            ]
        })
        .collect();
    let columns = [
        Column::text("From", 2.2),
        Column::number("Target", 1.0),
        Column::number("Good", 1.0),
        Column::number("Gap, summed", 1.9),
        Column::number("Scrap", 1.0),
        Column::number("OEE %", 1.0),
        Column::text("What happened", 6.0),
    ];
    sheet.table(&columns, &rows);
}

fn losses(sheet: &mut Sheet, report: &Report) {
    let minutes = |micros: i64| decimal(micros as f64 / 60e6, 1);
    let cost = |cents: Option<i64>| cents.map_or_else(String::new, |cents| money(cents, &report.currency));
    let whole = report.losses.first().map_or(0, |step| step.micros).max(1) as f64;
    if !report.losses.is_empty() {
        sheet.heading("Where the time went");
        let rows: Vec<Vec<String>> = report
            .losses
            .iter()
            .map(|step| {
                let ends = matches!(step.kind, LossKind::Planned | LossKind::Good);
                let share = percent(Some(step.micros as f64 / whole));
                vec![step.name.clone(), minutes(step.micros), share, cost(step.cents.filter(|_| !ends))]
            })
            .collect();
        let columns = [
            Column::text("Step", 4.0),
            Column::number("Minutes", 1.2),
            Column::number("% of planned", 1.5),
            Column::number("Cost", 1.5),
        ];
        sheet.table(without_cost(&columns, report), &rows);
    }
    if !report.reasons.is_empty() {
        sheet.heading("Reasons, by time lost");
        let rows: Vec<Vec<String>> = report
            .reasons
            .iter()
            .take(MOST_REASONS)
            .map(|row| {
                let category = row.category.map_or_else(String::new, |category| category.title().to_owned());
                vec![row.name.clone(), category, minutes(row.micros), row.stops.to_string(), cost(row.cents)]
            })
            .collect();
        let columns = [
            Column::text("Reason", 3.0),
            Column::text("Loss", 2.0),
            Column::number("Minutes", 1.2),
            Column::number("Stops", 1.0),
            Column::number("Cost", 1.5),
        ];
        sheet.table(without_cost(&columns, report), &rows);
        let more = report.reasons.len().saturating_sub(MOST_REASONS);
        if more > 0 {
            sheet.paragraph(Style::regular(8.0).ink(GREY), &format!("and {more} more"));
        }
    }
}

/// The last column only where there is a rate.
fn without_cost<'a>(columns: &'a [Column], report: &Report) -> &'a [Column] {
    let known = report.losses.iter().any(|step| step.cents.is_some());
    columns.get(..columns.len() - usize::from(!known)).unwrap_or(columns)
}

fn stops(sheet: &mut Sheet, report: &Report) {
    // Short stops stand in the sums; a list on paper is of those that somebody can speak of.
    let mut listed: Vec<&Stop> = report.stops.iter().filter(|stop| !stop.minor).collect();
    listed.sort_by_key(|stop| stop.from);
    if listed.is_empty() {
        return;
    }
    sheet.heading("Stops");
    let rows: Vec<Vec<String>> = listed
        .iter()
        .take(MOST_STOPS)
        .map(|stop| {
            let length = span(stop.to.seconds_since(stop.from));
            let said: Vec<String> = stop
                .said
                .iter()
                .filter(|said| !said.comment.is_empty())
                .map(|said| format!("“{}” ({})", said.comment, said.by))
                .collect();
            let why = match (&stop.caused_by, &stop.reason_name, &stop.cause) {
                (Some(cause), ..) => format!("caused by {}", cause.text),
                (None, Some(reason), _) => reason.clone(),
                (None, None, Some(word)) => format!("no reason given ({word})"),
                (None, None, None) => "no reason given".to_owned(),
            };
            vec![
                day_time_seconds(stop.from, report.utc_offset_minutes),
                if stop.running { format!("{length}, goes on") } else { length },
                state_word(stop.state).to_owned(),
                std::iter::once(why).chain(said).collect::<Vec<_>>().join("; "),
            ]
        })
        .collect();
    let columns =
        [Column::text("From", 2.2), Column::text("Length", 1.6), Column::text("State", 1.2), Column::text("Why", 6.0)];
    sheet.table(&columns, &rows);
    let minor = report.stops.iter().filter(|stop| stop.minor).count();
    let told = report.stops.len();
    let more = report.stops_total.saturating_sub(told as u64) + listed.len().saturating_sub(MOST_STOPS) as u64;
    if minor > 0 || more > 0 {
        let text = format!("Not listed: {minor} short, {more} further.");
        sheet.gap(3.0);
        sheet.paragraph(Style::regular(8.0).ink(GREY), &text);
    }
}

/// What people wrote of the whole period, and room for the two who hand over.
fn notes(sheet: &mut Sheet, report: &Report) {
    sheet.heading("Handed over");
    let of_an_hour = |id: i64| report.rows.iter().any(|row| row.comment.as_ref().is_some_and(|note| note.id == id));
    let handed = report.notes.iter().filter(|note| !of_an_hour(note.id));
    let mut any = false;
    for note in handed {
        any = true;
        let when = stretch_text(note.from, note.to, report.utc_offset_minutes);
        sheet.paragraph(Style::regular(9.0), &note.text);
        sheet.paragraph(Style::regular(7.5).ink(GREY), &format!("{}, of {when}", note.by));
        sheet.gap(4.0);
    }
    if !any {
        sheet.paragraph(Style::regular(8.5).ink(GREY), "Nothing was written.");
    }
    sheet.gap(10.0);
    sheet.need(50.0);
    sheet.gap(28.0);
    for (x, who) in [(0.0, "handed over by"), (WIDTH / 2.0 + 10.0, "taken over by")] {
        sheet.area((x, 0.0), (WIDTH / 2.0 - 10.0, 0.6), BLACK);
        sheet.gap(3.0);
        sheet.put(x, Style::regular(7.5).ink(GREY), who);
        sheet.gap(-3.0);
    }
}
