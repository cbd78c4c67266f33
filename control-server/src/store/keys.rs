//! Virtual keys: their hashes, whose they are, and what may be done with them.

use std::collections::BTreeMap;

use mux::config::{self, Holder, KeyHash, Name, Scopes};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError};
use super::write::{Write, now_ms};
use super::{Change, Listed, Page, Store, workspaces};
use crate::domain::audit;
use crate::domain::key::{KEYS_MAX, KeyText, ScopesDraft, Terms, TermsPatch, VirtualKey};

const MANAGED: &str = "SELECT k.id, w.name AS workspace, k.session_id, k.name, k.last_four, k.previous_until, k.scopes, \
     k.expires_at, k.requests_per_minute, k.tokens_per_minute, k.created_at, k.updated_at, k.last_used_at \
     FROM virtual_keys k JOIN workspaces w ON w.id = k.workspace_id";

/// Of a key as nodes get it. `workspace` is null where its workspace is archived, and all is where the key is gone.
const ROUTED: &str = "w.name AS workspace, k.session_id, k.hash, k.previous_hash, k.previous_until, k.scopes, \
     k.expires_at, k.requests_per_minute, k.tokens_per_minute";

/// Parameters of one statement, far below what databases allow.
const IDS_MAX: usize = 500;

impl Store {
    /// Adds a key to a workspace. With a session it opens the workspace that is active there.
    pub async fn create_key(
        &self,
        workspace: &Name,
        session: Option<&Name>,
        terms: Terms,
        text: &KeyText,
    ) -> Result<(VirtualKey, u64), StoreError> {
        let mut write = self.write().await?;
        let (id, now_ms) = (write.revision, write.now_ms);
        let workspace_id = workspaces::id(write.connection(), workspace).await?;
        if let Some(session) = session {
            check_session(write.connection(), session).await?;
        }
        let terms = terms.checked(now_ms).map_err(StoreError::Invalid)?;
        let row = sqlx::query("SELECT COUNT(*) AS count FROM virtual_keys").fetch_one(write.connection()).await?;
        StoreError::check_room(Kind::Key, row.try_get("count")?, KEYS_MAX)?;
        sqlx::query(
            "INSERT INTO virtual_keys (id, workspace_id, session_id, name, hash, last_four, scopes, expires_at, \
             requests_per_minute, tokens_per_minute, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
        )
        .bind(id)
        .bind(workspace_id)
        .bind(session.map(Name::to_string))
        .bind(terms.name)
        .bind(write_hash(text.hash()))
        .bind(text.last_four())
        .bind(write_scopes(&terms.scopes)?)
        .bind(terms.expires_at_ms)
        .bind(terms.requests_per_minute.map(i64::from))
        .bind(terms.tokens_per_minute.map(i64::from))
        .bind(now_ms)
        .execute(write.connection())
        .await?;
        self.finish(write, "create", workspace, id, None).await
    }

    /// The keys of a workspace, oldest first.
    pub async fn keys(&self, workspace: &Name, page: &Page) -> Result<Listed<VirtualKey>, StoreError> {
        let mut transaction = self.read().await?;
        let workspace_id = workspaces::id(&mut transaction, workspace).await?;
        let sql = AssertSqlSafe(format!("{MANAGED} WHERE k.workspace_id = $1 AND k.id > $2 ORDER BY k.id LIMIT $3"));
        let rows = sqlx::query(sql)
            .bind(workspace_id)
            .bind(page.after().parse::<i64>().unwrap_or(0))
            .bind(page.rows())
            .fetch_all(&mut *transaction)
            .await?;
        let items = rows.iter().map(managed).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |key: &VirtualKey| key.id.to_string()))
    }

    pub async fn key(&self, workspace: &Name, id: u64) -> Result<VirtualKey, StoreError> {
        let mut transaction = self.read().await?;
        find(&mut transaction, workspace, id).await
    }

    pub async fn patch_key(
        &self,
        workspace: &Name,
        id: u64,
        patch: &TermsPatch,
    ) -> Result<(VirtualKey, u64), StoreError> {
        let mut write = self.write().await?;
        let before = find(write.connection(), workspace, id).await?;
        let terms = before.terms.patched(patch).map_err(StoreError::Invalid)?;
        if terms == before.terms {
            return Ok((before, write.commit().await?));
        }
        let (row_id, now_ms) = (id.cast_signed(), write.now_ms);
        sqlx::query(
            "UPDATE virtual_keys SET name = $1, scopes = $2, expires_at = $3, requests_per_minute = $4, \
             tokens_per_minute = $5, updated_at = $6 WHERE id = $7",
        )
        .bind(terms.name)
        .bind(write_scopes(&terms.scopes)?)
        .bind(terms.expires_at_ms)
        .bind(terms.requests_per_minute.map(i64::from))
        .bind(terms.tokens_per_minute.map(i64::from))
        .bind(now_ms)
        .bind(row_id)
        .execute(write.connection())
        .await?;
        self.finish(write, "update", workspace, row_id, Some(&before)).await
    }

    /// Puts another key in the place of one, which works on for `grace_s`; the one that it had replaced itself ends.
    pub async fn rotate_key(
        &self,
        workspace: &Name,
        id: u64,
        text: &KeyText,
        grace_s: u32,
    ) -> Result<(VirtualKey, u64), StoreError> {
        let mut write = self.write().await?;
        let before = find(write.connection(), workspace, id).await?;
        let (row_id, now_ms) = (id.cast_signed(), write.now_ms);
        let until_ms = (grace_s > 0).then(|| now_ms + 1_000 * i64::from(grace_s));
        sqlx::query(
            "UPDATE virtual_keys SET previous_hash = CASE WHEN $1 IS NULL THEN NULL ELSE hash END, \
             previous_until = $1, hash = $2, last_four = $3, updated_at = $4 WHERE id = $5",
        )
        .bind(until_ms)
        .bind(write_hash(text.hash()))
        .bind(text.last_four())
        .bind(now_ms)
        .bind(row_id)
        .execute(write.connection())
        .await?;
        self.finish(write, "rotate", workspace, row_id, Some(&before)).await
    }

    /// Revokes a key. What was done with it stays counted.
    pub async fn delete_key(&self, workspace: &Name, id: u64) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let before = find(write.connection(), workspace, id).await?;
        sqlx::query("DELETE FROM virtual_keys WHERE id = $1")
            .bind(id.cast_signed())
            .execute(write.connection())
            .await?;
        write.touch(Kind::Key, id.to_string());
        write.note(change("revoke", Some(&before), None));
        write.commit().await
    }

    async fn finish(
        &self,
        mut write: Write<'_>,
        action: &'static str,
        workspace: &Name,
        id: i64,
        before: Option<&VirtualKey>,
    ) -> Result<(VirtualKey, u64), StoreError> {
        let after = find(write.connection(), workspace, id.unsigned_abs()).await?;
        write.touch(Kind::Key, id.to_string());
        write.note(change(action, before, Some(&after)));
        Ok((after, write.commit().await?))
    }
}

fn change(action: &'static str, before: Option<&VirtualKey>, after: Option<&VirtualKey>) -> audit::Change {
    audit::Change {
        action,
        kind: Kind::Key.as_str(),
        name: after.or(before).map(|key| key.id.to_string()).unwrap_or_default(),
        before: before.map(VirtualKey::audit_value),
        after: after.map(VirtualKey::audit_value),
    }
}

async fn check_session(connection: &mut AnyConnection, id: &Name) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT id FROM sessions WHERE id = $1").bind(id.as_str()).fetch_optional(connection).await?;
    row.map(|_| ()).ok_or_else(|| StoreError::NotFound { kind: Kind::Session, name: id.to_string() })
}

/// A key of this workspace; one of another is not there.
async fn find(connection: &mut AnyConnection, workspace: &Name, id: u64) -> Result<VirtualKey, StoreError> {
    let sql = AssertSqlSafe(format!("{MANAGED} WHERE k.id = $1 AND w.name = $2"));
    let row = sqlx::query(sql).bind(id.cast_signed()).bind(workspace.as_str()).fetch_optional(&mut *connection).await?;
    match row {
        Some(row) => managed(&row),
        None => {
            workspaces::id(connection, workspace).await?;
            Err(StoreError::NotFound { kind: Kind::Key, name: id.to_string() })
        }
    }
}

fn managed(row: &AnyRow) -> Result<VirtualKey, StoreError> {
    Ok(VirtualKey {
        id: row.try_get::<i64, _>("id")?.unsigned_abs(),
        workspace: read_name(row, "workspace")?,
        session: read_session(row)?,
        terms: Terms {
            name: row.try_get("name")?,
            scopes: read_scopes(row)?,
            expires_at_ms: row.try_get("expires_at")?,
            requests_per_minute: read_limit(row, "requests_per_minute")?,
            tokens_per_minute: read_limit(row, "tokens_per_minute")?,
        },
        last_four: row.try_get("last_four")?,
        previous_until_ms: row.try_get::<Option<i64>, _>("previous_until")?.filter(|until_ms| *until_ms > now_ms()),
        created_at_ms: row.try_get("created_at")?,
        updated_at_ms: row.try_get("updated_at")?,
        last_used_ms: row.try_get("last_used_at")?,
    })
}

/// Every key of a workspace that can be routed by, as nodes get it.
pub(super) async fn all(connection: &mut AnyConnection) -> Result<Vec<config::Key>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "SELECT k.id, {ROUTED} FROM virtual_keys k JOIN workspaces w ON w.id = k.workspace_id \
         WHERE w.archived_at IS NULL ORDER BY k.id"
    ));
    let (rows, now_ms) = (sqlx::query(sql).fetch_all(connection).await?, now_ms());
    rows.iter().map(|row| routed(row, read_id(row)?, read_name(row, "workspace")?, now_ms)).collect()
}

/// The keys that changed after a revision, as they are now.
pub(super) async fn changed_since(
    connection: &mut AnyConnection,
    revision: i64,
) -> Result<Vec<Change<config::Key, u64>>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "SELECT c.id, {ROUTED} \
         FROM (SELECT DISTINCT CAST(name AS BIGINT) AS id FROM changes WHERE revision > $1 AND kind = $2) c \
         LEFT JOIN virtual_keys k ON k.id = c.id \
         LEFT JOIN workspaces w ON w.id = k.workspace_id AND w.archived_at IS NULL ORDER BY c.id"
    ));
    let rows = sqlx::query(sql).bind(revision).bind(Kind::Key.as_str()).fetch_all(connection).await?;
    let now_ms = now_ms();
    let change = |row: &AnyRow| {
        let id = read_id(row)?;
        Ok(match row.try_get::<Option<String>, _>("workspace")? {
            None => Change::Removal(id),
            Some(_) => Change::Upsert(routed(row, id, read_name(row, "workspace")?, now_ms)?),
        })
    };
    rows.iter().map(change).collect()
}

fn routed(row: &AnyRow, id: u64, workspace: Name, now_ms: i64) -> Result<config::Key, StoreError> {
    let previous: Option<String> = row.try_get("previous_hash")?;
    let until_ms: Option<i64> = row.try_get("previous_until")?;
    let previous = previous.zip(until_ms).filter(|(_, until_ms)| *until_ms > now_ms);
    Ok(config::Key {
        id,
        hash: read_hash(&row.try_get::<String, _>("hash")?)?,
        previous: previous
            .map(|(text, until_ms)| Ok::<_, StoreError>((read_hash(&text)?, until_ms.unsigned_abs())))
            .transpose()?,
        holder: read_session(row)?.map_or(Holder::Workspace(workspace), Holder::Session),
        expires_at_ms: row.try_get::<Option<i64>, _>("expires_at")?.map(i64::unsigned_abs),
        scopes: read_scopes(row)?,
        requests_per_minute: read_limit(row, "requests_per_minute")?,
        tokens_per_minute: read_limit(row, "tokens_per_minute")?,
    })
}

/// Says that nodes need every key of a workspace anew: its name, or whether it can be routed by, has changed.
pub(super) async fn touch_of_workspace(write: &mut Write<'_>, workspace_id: i64) -> Result<(), StoreError> {
    let revision = write.revision;
    sqlx::query(
        "INSERT INTO changes (revision, kind, name) SELECT $1, $2, CAST(id AS TEXT) FROM virtual_keys \
         WHERE workspace_id = $3 ON CONFLICT DO NOTHING",
    )
    .bind(revision)
    .bind(Kind::Key.as_str())
    .bind(workspace_id)
    .execute(write.connection())
    .await?;
    Ok(())
}

/// Says that the keys of a session go with it, and which these are.
pub(super) async fn touch_of_session(write: &mut Write<'_>, id: &Name) -> Result<Vec<i64>, StoreError> {
    let rows = sqlx::query("SELECT id FROM virtual_keys WHERE session_id = $1 ORDER BY id")
        .bind(id.as_str())
        .fetch_all(write.connection())
        .await?;
    let ids = rows.iter().map(|row| row.try_get("id")).collect::<Result<Vec<i64>, _>>()?;
    for id in &ids {
        write.touch(Kind::Key, id.to_string());
    }
    Ok(ids)
}

/// Notes when keys were last used, each in one statement. A report that comes late or twice moves nothing back.
pub(super) async fn note_use(connection: &mut AnyConnection, last_uses: BTreeMap<i64, i64>) -> Result<(), StoreError> {
    for (id, at_ms) in last_uses {
        sqlx::query(
            "UPDATE virtual_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        )
        .bind(at_ms)
        .bind(id)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The names of these keys, of those that are there.
pub(super) async fn names(connection: &mut AnyConnection, ids: &[i64]) -> Result<BTreeMap<i64, String>, StoreError> {
    let mut names = BTreeMap::new();
    for ids in ids.chunks(IDS_MAX) {
        let parameters: Vec<String> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        let sql = format!("SELECT id, name FROM virtual_keys WHERE id IN ({})", parameters.join(","));
        let query = ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind(*id));
        for row in query.fetch_all(&mut *connection).await? {
            names.insert(row.try_get("id")?, row.try_get("name")?);
        }
    }
    Ok(names)
}

fn read_id(row: &AnyRow) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>("id")?.unsigned_abs())
}

fn read_session(row: &AnyRow) -> Result<Option<Name>, StoreError> {
    let is_bound = row.try_get::<Option<String>, _>("session_id")?.is_some();
    is_bound.then(|| read_name(row, "session_id")).transpose()
}

fn read_limit(row: &AnyRow, column: &str) -> Result<Option<u32>, StoreError> {
    let limit = row.try_get::<Option<i64>, _>(column)?.map(u32::try_from).transpose();
    limit.map_err(|_| StoreError::Corrupt(format!("`{column}` of a key")))
}

fn read_scopes(row: &AnyRow) -> Result<Scopes, StoreError> {
    let text: String = row.try_get("scopes")?;
    let draft: Option<ScopesDraft> = serde_json::from_str(&text).ok();
    let scopes = draft.and_then(|draft| draft.over(&Scopes::default()).ok());
    scopes.ok_or_else(|| StoreError::Corrupt(format!("scopes of a key: {text}")))
}

fn write_scopes(scopes: &Scopes) -> Result<String, StoreError> {
    serde_json::to_string(&ScopesDraft::from(scopes)).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// 32 hexadecimal digits.
fn write_hash(KeyHash(bytes): KeyHash) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

fn read_hash(text: &str) -> Result<KeyHash, StoreError> {
    let number = u128::from_str_radix(text, 16).map_err(|_| StoreError::Corrupt("hash of a key".to_owned()))?;
    Ok(KeyHash(number.to_be_bytes()))
}
