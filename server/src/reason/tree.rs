//! The tree of reasons in memory, read with the plant.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gemba_contract::reason::{ReasonTree, ReasonView};
use gemba_domain::{
    reason::{LossCategory, Reason, ReasonId},
    rule::Condition,
};
use sqlx::PgConnection;

use super::{Rule, queries};

/// Reasons that can be given, and those that were once.
#[derive(Debug, Default)]
pub struct Reasons {
    /// In the order of the tree, retired ones too.
    all: Vec<(Reason, bool)>,
    by_code: HashMap<Arc<str>, ReasonId>,
    /// Which loss the time of each is.
    pub categories: BTreeMap<ReasonId, LossCategory>,
    /// Rules that give reasons, in order.
    pub rules: Vec<Rule>,
}

impl Reasons {
    /// The reason of this identity, retired or not.
    pub fn get(&self, id: ReasonId) -> Option<&Reason> {
        self.all.iter().map(|(reason, _)| reason).find(|reason| reason.id == id)
    }

    /// The reason of this code that can be given.
    pub fn by_code(&self, code: &str) -> Option<&Reason> {
        self.by_code.get(code).and_then(|id| self.get(*id))
    }

    /// The codes that can be given.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.by_code.keys().map(|code| &**code)
    }

    /// For pages and programs: parents before children, siblings in order.
    pub fn view(&self) -> ReasonTree {
        let mut reasons = Vec::new();
        self.below(None, &mut reasons);
        ReasonTree { reasons }
    }

    fn below(&self, parent: Option<ReasonId>, out: &mut Vec<ReasonView>) {
        for (reason, retired) in &self.all {
            if reason.parent != parent || out.len() > self.all.len() {
                continue;
            }
            if !retired {
                out.push(ReasonView {
                    id: reason.id,
                    code: reason.code.to_string(),
                    name: reason.name.to_string(),
                    parent: parent.and_then(|id| self.get(id)).map(|above| above.code.to_string()),
                    category: reason.category,
                });
            }
            self.below(Some(reason.id), out);
        }
    }
}

/// Reads all of it. Rows of a category that this program does not know are left out.
///
/// # Errors
/// Those of the database.
pub async fn load(db: &mut PgConnection) -> sqlx::Result<Reasons> {
    let mut reasons = Reasons::default();
    for row in queries::rules(&mut *db).await? {
        match Condition::parse(&row.condition) {
            Ok(condition) => reasons.rules.push(Rule {
                name: row.name,
                scope: row.scope,
                condition,
                reason: ReasonId(row.reason_id),
            }),
            Err(error) => {
                tracing::error!(table = "reason_rule", row = %row.id, %error, "a rule that cannot be read is left out")
            }
        }
    }
    for row in queries::reasons(db).await? {
        let Some(category) = LossCategory::from_word(&row.category) else {
            tracing::error!(table = "reason", row = %row.id, category = row.category, "a category that is not known");
            continue;
        };
        let reason = Reason {
            id: ReasonId(row.id),
            code: row.code.into(),
            name: row.name.into(),
            parent: row.parent_id.map(ReasonId),
            category,
        };
        reasons.categories.insert(reason.id, category);
        if !row.retired {
            reasons.by_code.insert(reason.code.clone(), reason.id);
        }
        reasons.all.push((reason, row.retired));
    }
    Ok(reasons)
}
