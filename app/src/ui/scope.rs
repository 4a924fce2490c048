use gemba_domain::{
    Timestamp,
    equipment::{EquipmentPath, Level},
    oee::Profile,
};
use leptos_router::params::ParamsMap;

/// Which stretch of time and by which definition: the part of an address that all pages on figures share. Whoever has the
/// address sees the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// From when to when; `None`: the running shift.
    pub stretch: Option<(Timestamp, Timestamp)>,
    /// `None`: the usual one.
    pub profile: Option<Profile>,
}

impl Scope {
    /// What an address asks for. What cannot be read in it is left out.
    pub fn of(query: &ParamsMap) -> Self {
        let time = |name: &str| query.get(name).and_then(|text| text.parse::<Timestamp>().ok());
        Self {
            stretch: time("from").zip(time("to")).filter(|(from, to)| from < to),
            profile: query.get("profile").and_then(|word| Profile::from_word(&word)),
        }
    }

    pub fn over(self, from: Timestamp, to: Timestamp) -> Self {
        Self { stretch: Some((from, to)), ..self }
    }

    pub fn running_shift(self) -> Self {
        Self { stretch: None, ..self }
    }

    pub fn by(self, profile: Profile) -> Self {
        Self { profile: (profile != Profile::default()).then_some(profile), ..self }
    }

    /// `?from=…&to=…&profile=…`; empty when there is nothing to say.
    pub fn query(self) -> String {
        self.query_and("")
    }

    /// The same with one more part, such as `figure=oee`, if it is not empty.
    pub fn query_and(self, more: &str) -> String {
        let mut parts = Vec::new();
        if let Some((from, to)) = self.stretch {
            parts.push(format!("from={from}&to={to}"));
        }
        if let Some(profile) = self.profile {
            parts.push(format!("profile={}", profile.as_str()));
        }
        if !more.is_empty() {
            parts.push(more.to_owned());
        }
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// A link on the same page. An empty reference would keep the old query.
    pub fn link(self, more: &str) -> String {
        let query = self.query_and(more);
        if query.is_empty() { "?".to_owned() } else { query }
    }
}

/// The page of a node: a report of lines and units, a comparison of what is above.
pub(crate) fn page_of(path: &EquipmentPath) -> String {
    match path.level() {
        Level::Line | Level::Unit => format!("/lines/{path}"),
        _ => format!("/compare/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_alike() {
        let mut query = ParamsMap::new();
        query.insert("from", "2026-11-24T14:00:00Z".to_owned());
        query.insert("to", "2026-11-24T22:00:00Z".to_owned());
        query.insert("profile", "tpm".to_owned());
        let scope = Scope::of(&query);
        assert_eq!(scope.query(), "?from=2026-11-24T14:00:00Z&to=2026-11-24T22:00:00Z&profile=tpm");
        assert_eq!(scope.running_shift().query_and("figure=oee"), "?profile=tpm&figure=oee");
        assert_eq!(scope.running_shift().by(Profile::Iso22400).link(""), "?");
    }

    #[test]
    fn half_a_stretch_and_nonsense_are_left_out() {
        let mut query = ParamsMap::new();
        query.insert("from", "2026-11-24T14:00:00Z".to_owned());
        query.insert("profile", "mine".to_owned());
        assert_eq!(Scope::of(&query), Scope::default());
        query.insert("to", "2026-11-24T13:00:00Z".to_owned());
        assert_eq!(Scope::of(&query), Scope::default());
    }
}
