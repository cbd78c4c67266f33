//! Opens a database: makes the file, brings the schema up to date, and makes what always exists.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;

use mux::config::DEFAULT;
use secrecy::ExposeSecret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AnyPool, Executor, Row};
use tokio::sync::{Mutex, broadcast, watch};

use super::error::{Kind, StoreError};
use super::seal::MasterKey;
use super::write::{Touched, log_changes, now_ms};
use super::{Counters, Shared, Store};
use crate::domain::audit::Actor;
use crate::domain::event::EVENTS_WAITING_MAX;

const CONNECTIONS_MAX: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Sealed at the start under this owner, to tell a wrong master key.
const KEY_CHECK: (&str, &str) = ("store", "muxspace");
/// Every connection: readers never wait for the writer (WAL), a writer waits for another process, a commit survives the
/// end of this process (NORMAL), references hold.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                               PRAGMA foreign_keys = ON";

impl Store {
    /// Opens the database at `sqlite:<path>`, which is made if it is not there.
    pub async fn open(database_url: &str, master_key: MasterKey) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let pool = connect(database_url).await?;
        sqlx::migrate!().run(&pool).await?;
        let (id, revision) = identify(&pool, &master_key).await?;
        let shared = Shared {
            pool,
            writer: Mutex::new(()),
            master_key,
            id,
            committed: watch::Sender::new(revision),
            events: broadcast::Sender::new(EVENTS_WAITING_MAX),
            counters: Counters::default(),
        };
        Ok(Self { shared: Arc::new(shared), actor: Actor::System })
    }

    /// Waits for what is under way and closes the database.
    pub async fn close(&self) {
        self.shared.pool.close().await;
    }
}

async fn connect(database_url: &str) -> Result<AnyPool, StoreError> {
    if !database_url.starts_with("sqlite:") {
        return Err(StoreError::Url("it begins with `sqlite:`".to_owned()));
    }
    make_file(database_url)?;
    let mode = if database_url.contains("mode=") {
        ""
    } else if database_url.contains('?') {
        "&mode=rwc"
    } else {
        "?mode=rwc"
    };
    let options: AnyConnectOptions =
        format!("{database_url}{mode}").parse().map_err(|error: sqlx::Error| StoreError::Url(error.to_string()))?;
    let pool = AnyPoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| Box::pin(async move { connection.execute(SQLITE_SETTINGS).await.map(|_| ()) }))
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Makes the file before SQLite does, because it holds what only its owner may read. SQLite gives the files beside it the
/// same rights.
fn make_file(database_url: &str) -> Result<(), StoreError> {
    let options: SqliteConnectOptions =
        database_url.parse().map_err(|error: sqlx::Error| StoreError::Url(error.to_string()))?;
    if database_url.contains(":memory:") || database_url.contains("mode=memory") {
        return Err(StoreError::Url(
            "it names a file; a database in memory would be another for every connection".to_owned(),
        ));
    }
    let path = options.get_filename();
    let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::Url(format!("{} cannot be made: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

/// The database's identity and revision; makes both, and what always exists, in a new one.
async fn identify(pool: &AnyPool, master_key: &MasterKey) -> Result<(String, u64), StoreError> {
    let (owner, text) = KEY_CHECK;
    let mut transaction = pool.begin().await?;
    let made = sqlx::query(
        "INSERT INTO store (one, id, revision, log_floor, key_check) VALUES (1, $1, 1, 0, $2) \
         ON CONFLICT (one) DO NOTHING",
    )
    .bind(format!("{:032x}", rand::random::<u128>()))
    .bind(master_key.seal(owner, text)?)
    .execute(&mut *transaction)
    .await?;
    if made.rows_affected() == 1 {
        make_defaults(&mut transaction).await?;
    }
    let row = sqlx::query("SELECT id, revision, key_check FROM store").fetch_one(&mut *transaction).await?;
    let check: String = row.try_get("key_check")?;
    if master_key.open(owner, &check)?.expose_secret() != text {
        return Err(StoreError::MasterKey);
    }
    transaction.commit().await?;
    Ok((row.try_get("id")?, row.try_get::<i64, _>("revision")?.unsigned_abs()))
}

async fn make_defaults(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let now_ms = now_ms();
    sqlx::query("INSERT INTO workspaces (id, name, description, created_at, updated_at) VALUES (1, $1, '', $2, $2)")
        .bind(DEFAULT)
        .bind(now_ms)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO sessions (id, label, workspace_id, updated_at) VALUES ($1, '', 1, $2)")
        .bind(DEFAULT)
        .bind(now_ms)
        .execute(&mut *connection)
        .await?;
    let touched = Touched::from([(Kind::Workspace, DEFAULT.to_owned()), (Kind::Session, DEFAULT.to_owned())]);
    log_changes(connection, 1, &touched).await
}
