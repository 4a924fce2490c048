//! The orders that the page shows, and what a person is about to do with one.

use gemba_contract::{
    order::{ChangeOrder, OrderView, Orders},
    plant::PlantOutline,
};
use gemba_domain::{
    equipment::{EquipmentPath, Level},
    order::OrderStatus,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::params::ParamsMap;
use serde::{Deserialize, Serialize};

use crate::{
    api::{self, Api},
    ui::{Change, escaped, focus_soon, place_name},
};

/// The element that says what came about.
pub(super) const TOLD: &str = "main";
/// As often the page asks how far orders are.
#[cfg(feature = "hydrate")]
const FRESH_SECONDS: u64 = 20;

/// What the user's role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct May {
    /// Start, pause, finish.
    pub run: bool,
    /// Add and change.
    pub change: bool,
}

/// Which orders, by how far they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shown {
    #[default]
    Open,
    Running,
    Finished,
    All,
}

impl Shown {
    pub const ALL: [Shown; 4] = [Shown::Open, Shown::Running, Shown::Finished, Shown::All];

    pub fn as_str(self) -> &'static str {
        match self {
            Shown::Open => "open",
            Shown::Running => "running",
            Shown::Finished => "finished",
            Shown::All => "all",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Shown::Open => "Open",
            Shown::Running => "Running",
            Shown::Finished => "Finished",
            Shown::All => "All",
        }
    }
}

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub shown: Shown,
    /// Path of a line; empty for all.
    pub at: String,
}

impl Asked {
    pub fn of(query: &ParamsMap) -> Self {
        let word = query.get("state").unwrap_or_default();
        let at = query.get("line").unwrap_or_default();
        Self {
            shown: Shown::ALL.into_iter().find(|shown| shown.as_str() == word).unwrap_or_default(),
            at: at.parse::<EquipmentPath>().map(|path| path.to_string()).unwrap_or_default(),
        }
    }

    /// This page, showing that.
    pub fn address(&self) -> String {
        let mut parts = Vec::new();
        if self.shown != Shown::Open {
            parts.push(format!("state={}", self.shown.as_str()));
        }
        if !self.at.is_empty() {
            parts.push(format!("line={}", escaped(&self.at)));
        }
        if parts.is_empty() { "/orders".to_owned() } else { format!("/orders?{}", parts.join("&")) }
    }

    /// The same asked of the API.
    pub fn query(&self) -> String {
        let status = match self.shown {
            Shown::Open => "?status=running,paused,planned",
            Shown::Running => "?status=running",
            Shown::Finished => "?status=finished&limit=200",
            Shown::All => "?limit=500",
        };
        if self.at.is_empty() { status.to_owned() } else { format!("{status}&at={}", escaped(&self.at)) }
    }
}

/// What all parts of the page share.
#[derive(Clone, Copy)]
pub(super) struct Book {
    pub orders: RwSignal<Orders>,
    pub plant: StoredValue<PlantOutline>,
    pub may: May,
    /// The order that a person is about to change, and into what.
    pub about: RwSignal<Option<(String, OrderStatus)>>,
    /// The order that the form changes; `None`: it adds one.
    pub edited: RwSignal<Option<String>>,
    pub change: Change,
    /// Which orders these are.
    pub asked: RwSignal<Asked>,
    api: StoredValue<Api>,
}

impl Book {
    pub fn new(orders: Orders, plant: PlantOutline, may: May, asked: Asked) -> Self {
        Self {
            orders: RwSignal::new(orders),
            plant: StoredValue::new(plant),
            may,
            about: RwSignal::new(None),
            edited: RwSignal::new(None),
            change: Change::new(),
            asked: RwSignal::new(asked),
            api: StoredValue::new(Api::of_page()),
        }
    }

    /// The numbers of those orders; those that are not finished by due date.
    pub fn codes(self, which: fn(&OrderView) -> bool) -> Memo<Vec<String>> {
        Memo::new(move |_| {
            self.orders.with(|all| {
                let mut found: Vec<&OrderView> = all.orders.iter().filter(|order| which(order)).collect();
                // Stable: those without a due date stay in their order, last.
                if found.iter().all(|order| order.finished.is_none()) {
                    found.sort_by_key(|order| (order.due.is_none(), order.due));
                }
                found.into_iter().map(|order| order.code.clone()).collect()
            })
        })
    }

    /// The order of this number, for as long as it is shown.
    pub fn order(self, code: String) -> Memo<Option<OrderView>> {
        Memo::new(move |_| self.orders.with(|all| all.orders.iter().find(|order| order.code == code).cloned()))
    }

    /// The lines on which nothing runs, in words.
    pub fn idle_lines(self) -> Option<String> {
        let at = self.asked.with(|asked| asked.at.clone());
        let idle: Vec<String> = self.orders.with(|all| {
            let runs: Vec<&EquipmentPath> =
                all.orders.iter().filter(|order| order.status == OrderStatus::Running).map(|order| &order.at).collect();
            self.plant.with_value(|plant| {
                let lines = plant.nodes.iter().filter(|node| node.level == Level::Line);
                lines
                    .filter(|line| at.is_empty() || line.path.as_str() == at)
                    .filter(|line| !runs.iter().any(|path| path.is_within(&line.path)))
                    .map(|line| place_name(plant, &line.path))
                    .collect()
            })
        });
        (!idle.is_empty()).then(|| format!("Without an order: {}.", idle.join(", ")))
    }

    /// Asks for the orders anew.
    pub fn refresh(self) {
        self.go(self.asked.get_untracked());
    }

    /// Asks for these orders; until they are there the page shows what it has.
    fn go(self, asked: Asked) {
        let api = self.api.get_value();
        spawn_local(async move {
            match api.orders(&asked.query()).await {
                Ok(orders) => {
                    self.orders.try_set(orders);
                    self.asked.try_set(asked);
                }
                // Of the same orders the page keeps what it has, and asks again.
                Err(error) if self.asked.try_with_untracked(|shown| *shown != asked) == Some(true) => {
                    self.change.fail(error)
                }
                Err(_) => {}
            }
        });
    }

    /// Shows what the address asks for.
    pub fn follow(self, address: Memo<Asked>) {
        Effect::new(move |before: Option<Asked>| {
            let wanted = address.get();
            if before.is_some_and(|before| before != wanted) {
                self.about.set(None);
                self.change.forget();
                self.go(wanted.clone());
            }
            wanted
        });
    }

    /// Pieces are made while one looks.
    pub fn keep_fresh(self) {
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| {
            let every = std::time::Duration::from_secs(FRESH_SECONDS);
            if let Ok(ticker) = set_interval_with_handle(move || self.refresh(), every) {
                on_cleanup(move || ticker.clear());
            }
        });
    }

    /// What a person was about to do, done.
    pub fn confirm(self) {
        let Some((code, status)) = self.about.get_untracked() else { return };
        let body = ChangeOrder { status, at: None };
        let path = format!("/api/v1/orders/{}/status", escaped(&code));
        let request = async move { api::post::<OrderView>(path, &body).await };
        self.change.send(request, move |order| {
            self.about.set(None);
            self.refresh();
            focus_soon(TOLD);
            let place = self.plant.with_value(|plant| place_name(plant, &order.at));
            match order.status {
                OrderStatus::Running => format!("{} runs on {place}.", order.code),
                OrderStatus::Paused => format!("{} is paused; {place} is free.", order.code),
                OrderStatus::Finished => format!("{} is finished; {place} is free.", order.code),
                OrderStatus::Planned => format!("{} is planned.", order.code),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_which_orders() {
        let mut query = ParamsMap::new();
        assert_eq!(Asked::of(&query), Asked::default());
        assert_eq!(Asked::default().address(), "/orders");
        query.insert("state", "finished".to_owned());
        query.insert("line", "acme/leeds/shop/line-1".to_owned());
        let asked = Asked::of(&query);
        assert_eq!(asked.address(), "/orders?state=finished&line=acme%2Fleeds%2Fshop%2Fline-1");
        assert_eq!(asked.query(), "?status=finished&limit=200&at=acme%2Fleeds%2Fshop%2Fline-1");
        query.insert("state", "lost".to_owned());
        assert_eq!(Asked::of(&query).shown, Shown::Open);
    }
}
