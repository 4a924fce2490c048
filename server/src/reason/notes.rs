//! What people write to an hour or a shift of a line or unit.

use gemba_contract::report::{Note, PutNote};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentId};
use serde_json::json;
use sqlx::PgExecutor;

use super::{ReasonError, Service, queries, service::record};

/// Longest text of a note.
const LONGEST_NOTE: usize = 2_000;

/// The notes to a node that touch a period, by begin.
///
/// # Errors
/// Those of the database.
pub async fn notes(db: impl PgExecutor<'_>, node: EquipmentId, period: Interval) -> sqlx::Result<Vec<Note>> {
    let rows = queries::notes(db, node, period).await?;
    Ok(rows.into_iter().map(note_of).collect())
}

fn note_of(row: queries::NoteRow) -> Note {
    Note {
        id: row.id,
        from: row.note_from.into(),
        to: row.note_to.into(),
        text: row.text,
        by: row.written_by,
        at: row.written_at.into(),
    }
}

impl Service {
    /// Writes a note, or takes one back by an empty text (`None`).
    ///
    /// # Errors
    /// No such line or unit; a stretch or text that cannot be; another's note that the caller has not seen; the database.
    pub async fn put_note(&self, put: &PutNote, by: &str, now: Timestamp) -> Result<Option<Note>, ReasonError> {
        let plant = self.plant.current();
        let node = plant.line(&put.at).map(|line| line.id).or_else(|| plant.unit(&put.at).map(|found| found.unit.id));
        let node = node.ok_or_else(|| ReasonError::NoEquipment { what: "line or unit", path: put.at.to_string() })?;
        let stretch = Interval::new(put.from, put.to);
        if stretch.is_empty() || stretch.micros() > 8 * 86_400_000_000 {
            return Err(ReasonError::Refused("a note is written to an hour, a shift or a day".to_owned()));
        }
        let text = put.text.trim();
        if text.chars().count() > LONGEST_NOTE {
            return Err(ReasonError::Refused(format!("a note has at most {LONGEST_NOTE} characters")));
        }
        let mut tx = self.pool.begin().await?;
        let standing = queries::lock_note(&mut tx, node, stretch).await?;
        if standing.as_ref().map(|row| row.id) != put.seen {
            let (by, theirs) =
                standing.map_or_else(|| ("Somebody".to_owned(), String::new()), |row| (row.written_by, row.text));
            return Err(ReasonError::NoteConflict { by, text: theirs, yours: text.to_owned() });
        }
        if let Some(old) = standing {
            queries::replace_note(&mut tx, old.id, by, now.to_utc()).await?;
        }
        let mut written = None;
        if !text.is_empty() {
            let id = queries::insert_note(&mut tx, node, stretch, text, by, now.to_utc()).await?;
            written = Some(Note { id, from: put.from, to: put.to, text: text.to_owned(), by: by.to_owned(), at: now });
        }
        let detail = json!({ "from": put.from, "to": put.to, "text": text });
        record(&mut tx, by, "note.put", put.at.as_str(), detail).await?;
        tx.commit().await?;
        Ok(written)
    }
}
