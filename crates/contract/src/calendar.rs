//! When a site works: shifts, rotations and teams, closures, and the shifts they make.

use chrono::NaiveDate;
use gemba_domain::{Interval, Timestamp, equipment::EquipmentPath};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/calendar/{enterprise}/{site}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CalendarView {
    /// The site.
    pub site: EquipmentPath,
    /// Its name.
    pub name: String,
    /// Its IANA time zone, which local times are in.
    pub time_zone: String,
    /// Minutes that its clocks are ahead of UTC at `at`.
    pub utc_offset_minutes: i32,
    /// The versions, newest first.
    pub versions: Vec<VersionView>,
    /// Holidays and planned downtime that are not over before `days`, by begin.
    pub closures: Vec<ClosureView>,
    /// The local days that `shifts` are of: today and the 13 that follow.
    pub days: Vec<NaiveDate>,
    /// The shifts that begin on these days, closures taken out, by begin.
    pub shifts: Vec<ShiftOfDay>,
    /// What a person may have overlooked, such as a day on which nobody works a shift.
    pub warnings: Vec<String>,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// A definition with its valid time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionView {
    /// From when on; `None`: as far back as anybody looks.
    pub valid_from: Option<Timestamp>,
    /// The same by the site's clock, `2026-11-30 06:00`.
    pub valid_from_local: Option<String>,
    /// It is the one valid now. A shift that had begun when it became valid is worked to its end as it was planned.
    pub current: bool,
    /// Who entered it: a user, or `plant file`.
    pub changed_by: String,
    /// When it was entered.
    pub changed_at: Timestamp,
    /// What it says.
    pub definition: Definition,
}

/// Shifts, rotations and teams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// None: every day is planned whole.
    #[serde(default)]
    pub shifts: Vec<ShiftDefinition>,
    /// Sequences of days on and off.
    #[serde(default)]
    pub rotations: Vec<RotationDefinition>,
    /// Who works by them. None: every shift takes place on each of its days.
    #[serde(default)]
    pub teams: Vec<TeamDefinition>,
}

/// A shift that repeats weekly, in local time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShiftDefinition {
    /// Such as `Early`.
    pub name: String,
    /// `06:00`.
    pub start: String,
    /// `14:00`; at or before `start` it runs over midnight.
    pub end: String,
    /// The days on which it begins, `mon` to `sun`; left out: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<String>>,
    /// `10:00-10:20`.
    #[serde(default)]
    pub breaks: Vec<String>,
}

/// A sequence of segments that repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotationDefinition {
    /// Such as `2-2-4`.
    pub name: String,
    /// In order.
    pub segments: Vec<SegmentDefinition>,
}

/// Days on one shift, then days off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SegmentDefinition {
    /// Name of the shift.
    pub shift: String,
    /// Days worked in a row.
    pub days_on: u16,
    /// Days off that follow.
    #[serde(default)]
    pub days_off: u16,
}

/// People who work a rotation together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TeamDefinition {
    /// Such as `A`.
    pub name: String,
    /// Name of its rotation.
    pub rotation: String,
    /// The first day of its rotation. Before it the team does not work.
    pub start: NaiveDate,
}

/// Time taken out of the shifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClosureView {
    /// Such as `Christmas`.
    pub name: String,
    /// `holiday` (nobody is scheduled) or `planned_downtime` (scheduled, but not expected to produce).
    pub kind: String,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Begin by the site's clock, `2026-12-24 14:00`.
    pub from_local: String,
    /// End likewise.
    pub to_local: String,
    /// It has begun, and can no longer be changed.
    pub begun: bool,
}

/// A shift on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShiftOfDay {
    /// Such as `Early`.
    pub name: String,
    /// Who works it, `A`, or `A + B`.
    pub team: Option<String>,
    /// The local day on which it begins, to which all of it belongs.
    pub day: NaiveDate,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Begin by the site's clock, `22:00`.
    pub from_local: String,
    /// End likewise.
    pub to_local: String,
    /// Breaks within it.
    pub breaks: Vec<Interval>,
    /// The same by the site's clock, `02:00-02:20`.
    pub breaks_local: Vec<String>,
    /// Planned downtime within it.
    pub planned_stops: Vec<Interval>,
    /// The same by the site's clock.
    pub planned_stops_local: Vec<String>,
    /// Minutes more (or less, negative) than the clock on the wall says: it is put back or forward within this shift.
    pub clock_change_minutes: i32,
}

/// `PUT /api/v1/calendar/{enterprise}/{site}`: a new version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutCalendar {
    /// What it says.
    pub definition: Definition,
    /// From when on, until the version that follows: a time of the site's clock, `2026-11-30 06:00`, or RFC 3339 with an offset;
    /// left out: now. A past time (at most 90 days) makes the figures since then anew, and leaves those reported first beside them.
    #[serde(default)]
    pub valid_from: Option<String>,
}

/// `PUT /api/v1/calendar/{enterprise}/{site}/closures`: adds a closure ahead, or alters the one of this name and begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutClosure {
    /// Such as `Christmas`.
    pub name: String,
    /// Begin: a time of the site's clock, `2026-12-24` or `2026-12-24 14:00`, or RFC 3339 with an offset.
    pub from: String,
    /// End (exclusive), likewise.
    pub to: String,
    /// `holiday` or `planned_downtime`.
    pub kind: String,
}

/// Query of `DELETE /api/v1/calendar/{enterprise}/{site}/closures`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct WhichClosure {
    /// Its name.
    pub name: String,
    /// Its begin, as in [`PutClosure`].
    pub from: String,
}
