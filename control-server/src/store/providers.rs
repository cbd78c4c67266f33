//! Providers, with their keys sealed.

use std::collections::BTreeSet;

use mux::config::Name;
use secrecy::ExposeSecret;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::changes::read_name;
use super::error::{Kind, StoreError, Use, User};
use super::seal::MasterKey;
use super::write::Write;
use super::{Listed, Page, Store, collection, models};
use crate::domain::audit::Change;
use crate::domain::provider::{Auth, NewProvider, PROVIDERS_MAX, Provider, ProviderPatch, Status};

const COLUMNS: &str = "SELECT id, name, kind, endpoint, auth, api_key, description, checked_at, check_error, created_at, \
     updated_at FROM providers";

/// What to do about those that use what is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfUsed {
    Refuse,
    /// They stay and are broken.
    Break,
}

/// A provider with the id of its row.
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) provider: Provider,
}

impl Store {
    /// Makes a provider. Rules and models that were broken because they name it are whole again.
    pub async fn create_provider(&self, new: &NewProvider) -> Result<(Provider, u64), StoreError> {
        let NewProvider { name, kind, endpoint, auth, description, models } = new;
        let mut write = self.write().await?;
        let (id, now_ms) = (write.revision, write.now_ms);
        let row = sqlx::query("SELECT COUNT(*) AS count FROM providers").fetch_one(write.connection()).await?;
        StoreError::check_room(Kind::Provider, row.try_get("count")?, PROVIDERS_MAX)?;
        let sealed = seal_key(&self.shared.master_key, id, auth)?;
        sqlx::query(
            "INSERT INTO providers (id, name, kind, endpoint, auth, api_key, description, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        )
        .bind(id)
        .bind(name.as_str())
        .bind(kind.as_str())
        .bind(endpoint.to_string())
        .bind(auth.as_str())
        .bind(sealed)
        .bind(description.as_str())
        .bind(now_ms)
        .execute(write.connection())
        .await
        .map_err(|error| StoreError::taken(error, Kind::Provider, name))?;
        models::insert(write.connection(), id, models.iter().cloned().map(Into::into)).await?;
        touch_with_users(&mut write, name).await?;
        let made = self.found(&mut write, name).await?.provider;
        write.note(change("create", None, Some(&made)));
        Ok((made, write.commit().await?))
    }

    pub async fn providers(&self, page: &Page) -> Result<Listed<Provider>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name > $1 ORDER BY name LIMIT $2"));
        let rows = sqlx::query(sql).bind(page.after().to_owned()).bind(page.rows()).fetch_all(self.pool()).await?;
        let read = |row| provider(row, &self.shared.master_key).map(|found| found.provider);
        let items = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(items, page, |provider: &Provider| provider.name.to_string()))
    }

    pub async fn provider(&self, name: &Name) -> Result<Provider, StoreError> {
        let mut connection = self.pool().acquire().await?;
        let found = find(&mut connection, &self.shared.master_key, name).await?;
        found.map(|found| found.provider).ok_or_else(|| missing(name))
    }

    /// Changes what the patch names. A new name is carried into what uses the provider.
    pub async fn patch_provider(&self, name: &Name, patch: &ProviderPatch) -> Result<(Provider, u64), StoreError> {
        let mut write = self.write().await?;
        let Found { id, provider: before } = self.found(&mut write, name).await?;
        let after = before.patched(patch);
        if same(&before, &after) {
            return Ok((before, write.commit().await?));
        }
        let sealed = seal_key(&self.shared.master_key, id, &after.auth)?;
        let now_ms = write.now_ms;
        sqlx::query(
            "UPDATE providers SET name = $1, kind = $2, endpoint = $3, auth = $4, api_key = $5, description = $6, \
             updated_at = $7 WHERE id = $8",
        )
        .bind(after.name.as_str())
        .bind(after.kind.as_str())
        .bind(after.endpoint.to_string())
        .bind(after.auth.as_str())
        .bind(sealed)
        .bind(after.description.as_str())
        .bind(now_ms)
        .bind(id)
        .execute(write.connection())
        .await
        .map_err(|error| StoreError::taken(error, Kind::Provider, &after.name))?;
        write.touch(Kind::Provider, before.name.as_str());
        if before.name != after.name {
            sqlx::query("UPDATE rules SET target_provider = $1 WHERE target_provider = $2")
                .bind(after.name.as_str())
                .bind(before.name.as_str())
                .execute(write.connection())
                .await?;
            collection::rename_provider(write.connection(), &before.name, &after.name).await?;
            touch_with_users(&mut write, &after.name).await?;
        }
        let changed = self.found(&mut write, &after.name).await?.provider;
        let action = if before.name == changed.name { "update" } else { "rename" };
        write.note(change(action, Some(&before), Some(&changed)));
        Ok((changed, write.commit().await?))
    }

    pub async fn delete_provider(&self, name: &Name, if_used: IfUsed) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let Found { id, provider } = self.found(&mut write, name).await?;
        let uses = uses(write.connection(), name).await?;
        if !uses.is_empty() && if_used == IfUsed::Refuse {
            return Err(StoreError::InUse { kind: Kind::Provider, name: name.to_string(), uses });
        }
        touch_with_users(&mut write, name).await?;
        sqlx::query("DELETE FROM providers WHERE id = $1").bind(id).execute(write.connection()).await?;
        write.note(change("delete", Some(&provider), None));
        write.commit().await
    }

    async fn found(&self, write: &mut Write<'_>, name: &Name) -> Result<Found, StoreError> {
        find(write.connection(), &self.shared.master_key, name).await?.ok_or_else(|| missing(name))
    }
}

fn change(action: &'static str, before: Option<&Provider>, after: Option<&Provider>) -> Change {
    Change {
        action,
        kind: Kind::Provider.as_str(),
        name: after.or(before).map(|provider| provider.name.to_string()).unwrap_or_default(),
        before: before.map(Provider::audit_value),
        after: after.map(Provider::audit_value),
    }
}

pub(super) fn missing(name: &Name) -> StoreError {
    StoreError::NotFound { kind: Kind::Provider, name: name.to_string() }
}

/// Nodes get a provider and the workspaces that use it together.
async fn touch_with_users(write: &mut Write<'_>, name: &Name) -> Result<(), StoreError> {
    write.touch(Kind::Provider, name.as_str());
    for Use { workspace, .. } in uses(write.connection(), name).await? {
        write.touch(Kind::Workspace, workspace.as_str());
    }
    Ok(())
}

async fn uses(connection: &mut AnyConnection, name: &Name) -> Result<Vec<Use>, StoreError> {
    let rows = sqlx::query(
        "SELECT w.name AS workspace, r.name AS rule FROM rules r JOIN workspaces w ON w.id = r.workspace_id \
         WHERE r.target_provider = $1 ORDER BY w.name, r.position",
    )
    .bind(name.as_str())
    .fetch_all(&mut *connection)
    .await?;
    let rule = |row: &AnyRow| Ok(Use { workspace: read_name(row, "workspace")?, by: User::Rule(row.try_get("rule")?) });
    let mut uses = rows.iter().map(rule).collect::<Result<Vec<_>, StoreError>>()?;
    uses.extend(collection::uses_of_provider(connection, name).await?);
    Ok(uses)
}

fn same(before: &Provider, after: &Provider) -> bool {
    let Provider { name, kind, endpoint, auth, description, status: _, created_at_ms: _, updated_at_ms: _ } = before;
    (name, kind, endpoint, auth, description)
        == (&after.name, &after.kind, &after.endpoint, &after.auth, &after.description)
}

/// Sealed values belong to the row, so that a new name needs no new seal.
fn owner(id: i64) -> String {
    format!("provider:{id}")
}

fn seal_key(master_key: &MasterKey, id: i64, auth: &Auth) -> Result<Option<String>, StoreError> {
    auth.key().map(|key| master_key.seal(&owner(id), key.expose_secret())).transpose()
}

pub(super) async fn all(connection: &mut AnyConnection, master_key: &MasterKey) -> Result<Vec<Provider>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY name"));
    let rows = sqlx::query(sql).fetch_all(connection).await?;
    rows.iter().map(|row| provider(row, master_key).map(|found| found.provider)).collect()
}

pub(super) async fn names(connection: &mut AnyConnection) -> Result<BTreeSet<Name>, StoreError> {
    let rows = sqlx::query("SELECT name FROM providers").fetch_all(connection).await?;
    rows.iter().map(|row| read_name(row, "name")).collect()
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    master_key: &MasterKey,
    name: &Name,
) -> Result<Option<Found>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name = $1"));
    let row = sqlx::query(sql).bind(name.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(|row| provider(row, master_key)).transpose()
}

fn provider(row: &AnyRow, master_key: &MasterKey) -> Result<Found, StoreError> {
    let id: i64 = row.try_get("id")?;
    let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of provider {id}"));
    let kind: String = row.try_get("kind")?;
    let endpoint: String = row.try_get("endpoint")?;
    let auth: String = row.try_get("auth")?;
    let sealed: Option<String> = row.try_get("api_key")?;
    let auth = match (auth.as_str(), sealed) {
        ("none", None) => Auth::None,
        ("api_key", None) => Auth::ApiKey(None),
        ("passthrough", None) => Auth::Passthrough,
        ("api_key", Some(sealed)) => Auth::ApiKey(Some(master_key.open(&owner(id), &sealed)?)),
        _ => return Err(corrupt("credential")),
    };
    let checked_at: Option<i64> = row.try_get("checked_at")?;
    let reason: Option<String> = row.try_get("check_error")?;
    let status = match (checked_at, reason) {
        (None, _) => Status::Unchecked,
        (Some(checked_at_ms), None) => Status::Reachable { checked_at_ms },
        (Some(checked_at_ms), Some(reason)) => Status::Unreachable { checked_at_ms, reason },
    };
    let provider = Provider {
        name: read_name(row, "name")?,
        kind: kind.parse().map_err(|_| corrupt("type"))?,
        endpoint: endpoint.parse().map_err(|_| corrupt("endpoint"))?,
        auth,
        description: row.try_get("description")?,
        status,
        created_at_ms: row.try_get("created_at")?,
        updated_at_ms: row.try_get("updated_at")?,
    };
    Ok(Found { id, provider })
}
