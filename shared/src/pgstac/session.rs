//! A connection to a database that was looked at: its pgstac is one that is known, and our tables are there.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::Type;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{failed, is_missing, is_stranger};
use super::target::{Locate, Target};
use super::version::{Format, format};
use super::{statements, tls};
use crate::ports::{PortError, PortResult};

/// The version of the loaders' tables.
const LAYOUT: i32 = 1;

/// How long a statement waits for a lock that somebody else holds, before its transaction gives way and is tried again.
const LOCK_TIME_OUT: Duration = Duration::from_secs(10);

/// A connection. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) format: Format,
    /// The partitions that were seen to: a collection and the start of a period, with the latest end of an item that
    /// there may be.
    pub(super) partitions: HashMap<(String, DateTime<Utc>), DateTime<Utc>>,
    place: String,
    task: JoinHandle<()>,
}

impl Session {
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Which database this is.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Ends whatever a failed attempt has left, and forgets what may have changed. Gives whether it can be used again.
    pub(super) async fn clean(&mut self) -> bool {
        self.partitions.clear();
        self.client.batch_execute("ROLLBACK").await.is_ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects. A statement may take `time_out`.
pub(super) async fn connect(database: &impl Locate, time_out: Duration) -> PortResult<Session> {
    let (client, task, place) = dial(database).await?;
    let mut session = Session { client, format: Format::Foreign, partitions: HashMap::new(), place, task };
    look(&mut session, time_out).await?;
    Ok(session)
}

/// A bare connection: what speaks for it, what keeps it going, and which database it is to.
pub(super) async fn dial(database: &impl Locate) -> PortResult<(Client, JoinHandle<()>, String)> {
    let target = database.locate(false).await?;
    match open(&target).await? {
        Ok((client, task)) => Ok((client, task, target.to_string())),
        // The password may have been changed.
        Err(error) if is_stranger(&error) => {
            let target = database.locate(true).await?;
            let place = target.to_string();
            let (client, task) = open(&target).await?.map_err(|error| failed("connecting to", &place, &error))?;
            Ok((client, task, place))
        }
        Err(error) => Err(failed("connecting to", &target.to_string(), &error)),
    }
}

/// The version of a database's pgstac.
pub(super) async fn version(client: &Client, place: &str) -> PortResult<String> {
    match client.query_typed_one(statements::VERSION, &[]).await {
        Ok(row) => Ok(row.get::<_, Option<String>>(0).unwrap_or_default()),
        Err(error) if is_missing(&error) => {
            let source = "it has no pgstac; make its schema with `pypgstac migrate`".into();
            Err(PortError::Denied { what: format!("the database {place}"), source })
        }
        Err(error) => Err(failed("asking for the version of pgstac in", place, &error)),
    }
}

type Opened = Result<(Client, JoinHandle<()>), tokio_postgres::Error>;

async fn open(target: &Target) -> PortResult<Opened> {
    let tls = MakeRustlsConnect::new(tls::config(target)?);
    Ok(target.config().connect(tls).await.map(|(client, connection)| {
        let task = tokio::spawn(async move {
            // Whoever waits for an answer is told.
            if let Err(error) = connection.await {
                tracing::info!(error = super::failure::said(&error), "the connection to the database ended");
            }
        });
        (client, task)
    }))
}

/// Looks at the database: its pgstac, and our tables, which are made when they are missing.
async fn look(session: &mut Session, time_out: Duration) -> PortResult<()> {
    let place = session.place.clone();
    let ill = |doing: &'static str| {
        let place = place.clone();
        move |error: tokio_postgres::Error| failed(doing, &place, &error)
    };
    let time_out = format!("{}ms", time_out.as_millis());
    let lock_time_out = format!("{}ms", LOCK_TIME_OUT.as_millis());
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&time_out, Type::TEXT), (&lock_time_out, Type::TEXT)];
    session.client.query_typed(statements::BEHAVE, &parameters).await.map_err(ill("preparing a session of"))?;
    session.client.query_typed(statements::PACK, &[]).await.map_err(ill("preparing a session of"))?;
    session.format = format(&version(&session.client, &place).await?, &place)?;
    let asked = session.client.query_typed_one(statements::HAS_TABLES, &[]).await;
    if !asked.map_err(ill("looking into"))?.get::<_, bool>(0) {
        make(session).await.map_err(ill("making the schema lazycat in"))?;
    }
    let layout = session.client.query_typed_one(statements::LAYOUT, &[]).await;
    let layout: i32 = layout.map_err(ill("reading the schema lazycat of"))?.get(0);
    if layout != LAYOUT {
        return Err(PortError::Denied {
            what: format!("the schema lazycat of {place}"),
            source: format!("its version is {layout}, expected {LAYOUT}; use a loader of the same version").into(),
        });
    }
    Ok(())
}

async fn make(session: &mut Session) -> Result<(), tokio_postgres::Error> {
    let transaction = session.client.transaction().await?;
    transaction.query_typed(statements::LOCK, &[]).await?;
    transaction.batch_execute(statements::TABLES).await?;
    transaction.commit().await
}
