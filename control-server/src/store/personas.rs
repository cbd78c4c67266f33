//! Personas. No node needs them.

use mux::config::Name;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::{Listed, Page, Store};
use crate::domain::audit::Change;
use crate::domain::persona::{PERSONAS_MAX, Persona, PersonaPatch, PersonaText};

const COLUMNS: &str = "SELECT id, name, description, instructions, created_at, updated_at FROM personas";

/// A persona with the id of its row.
struct Found {
    id: i64,
    persona: Persona,
}

impl Store {
    pub async fn create_persona(&self, name: &Name, text: &PersonaText) -> Result<(Persona, u64), StoreError> {
        let mut write = self.write().await?;
        let (id, now_ms) = (write.revision, write.now_ms);
        let row = sqlx::query("SELECT COUNT(*) AS count FROM personas").fetch_one(write.connection()).await?;
        StoreError::check_room(Kind::Persona, row.try_get("count")?, PERSONAS_MAX)?;
        sqlx::query(
            "INSERT INTO personas (id, name, description, instructions, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $5)",
        )
        .bind(id)
        .bind(name.as_str())
        .bind(text.description().to_owned())
        .bind(text.instructions().to_owned())
        .bind(now_ms)
        .execute(write.connection())
        .await
        .map_err(|error| StoreError::taken(error, Kind::Persona, name))?;
        let persona = Persona { name: name.clone(), text: text.clone(), created_at_ms: now_ms, updated_at_ms: now_ms };
        write.note(change("create", None, Some(&persona)));
        Ok((persona, write.commit().await?))
    }

    pub async fn personas(&self, page: &Page) -> Result<Listed<Persona>, StoreError> {
        let sql = AssertSqlSafe(format!("{COLUMNS} WHERE name > $1 ORDER BY name LIMIT $2"));
        let rows = sqlx::query(sql).bind(page.after().to_owned()).bind(page.rows()).fetch_all(self.pool()).await?;
        let items = rows.iter().map(|row| Ok(found(row)?.persona)).collect::<Result<_, StoreError>>()?;
        Ok(Listed::cut(items, page, |persona: &Persona| persona.name.to_string()))
    }

    pub async fn persona(&self, name: &Name) -> Result<Persona, StoreError> {
        let mut connection = self.pool().acquire().await?;
        Ok(find(&mut connection, name).await?.persona)
    }

    /// Changes what the patch names, if the outcome is a persona.
    pub async fn patch_persona(&self, name: &Name, patch: &PersonaPatch) -> Result<(Persona, u64), StoreError> {
        let mut write = self.write().await?;
        let Found { id, persona: before } = find(write.connection(), name).await?;
        let after = before.patched(patch).map_err(StoreError::Invalid)?;
        if after == before {
            return Ok((before, write.commit().await?));
        }
        let after = Persona { updated_at_ms: write.now_ms, ..after };
        sqlx::query(
            "UPDATE personas SET name = $1, description = $2, instructions = $3, updated_at = $4 WHERE id = $5",
        )
        .bind(after.name.as_str())
        .bind(after.text.description().to_owned())
        .bind(after.text.instructions().to_owned())
        .bind(after.updated_at_ms)
        .bind(id)
        .execute(write.connection())
        .await
        .map_err(|error| StoreError::taken(error, Kind::Persona, &after.name))?;
        let action = if before.name == after.name { "update" } else { "rename" };
        write.note(change(action, Some(&before), Some(&after)));
        Ok((after, write.commit().await?))
    }

    pub async fn delete_persona(&self, name: &Name) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let Found { id, persona } = find(write.connection(), name).await?;
        sqlx::query("DELETE FROM personas WHERE id = $1").bind(id).execute(write.connection()).await?;
        write.note(change("delete", Some(&persona), None));
        write.commit().await
    }
}

fn change(action: &'static str, before: Option<&Persona>, after: Option<&Persona>) -> Change {
    Change {
        action,
        kind: Kind::Persona.as_str(),
        name: after.or(before).map(|persona| persona.name.to_string()).unwrap_or_default(),
        before: before.map(Persona::audit_value),
        after: after.map(Persona::audit_value),
    }
}

async fn find(connection: &mut AnyConnection, name: &Name) -> Result<Found, StoreError> {
    let sql = AssertSqlSafe(format!("{COLUMNS} WHERE name = $1"));
    let row = sqlx::query(sql).bind(name.as_str()).fetch_optional(connection).await?;
    found(&row.ok_or_else(|| StoreError::NotFound { kind: Kind::Persona, name: name.to_string() })?)
}

fn found(row: &AnyRow) -> Result<Found, StoreError> {
    let id: i64 = row.try_get("id")?;
    let text = PersonaText::new(row.try_get("description")?, row.try_get("instructions")?)
        .map_err(|_| StoreError::Corrupt(format!("texts of persona {id}")))?;
    let (created_at_ms, updated_at_ms) = (row.try_get("created_at")?, row.try_get("updated_at")?);
    Ok(Found { id, persona: Persona { name: read_name(row, "name")?, text, created_at_ms, updated_at_ms } })
}
