//! Searches at a steady rate, as users ask, by the database's own means.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

/// How many different searches there are: others would be planned anew each time, and kept.
const KINDS: usize = 20;

/// Searches that go on.
pub(crate) struct Searches {
    done: Arc<AtomicBool>,
    task: JoinHandle<Searched>,
}

/// What became of searches.
#[derive(Default)]
pub(crate) struct Searched {
    /// How long each took, from when it was due, in milliseconds.
    pub(crate) times: Vec<f64>,
    /// How many failed.
    pub(crate) failed: usize,
}

impl Searched {
    /// The time that this part of the searches, of 100, took at most.
    pub(crate) fn at(&mut self, part: usize) -> f64 {
        self.times.sort_by(f64::total_cmp);
        self.times[(self.times.len() - 1) * part / 100]
    }
}

impl Searches {
    /// Starts searching, so often.
    pub(crate) async fn start(every: Duration) -> Self {
        let address = std::env::var("LAZYCAT_BENCH_DATABASE").unwrap();
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET search_path TO pgstac, public").await.unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(search(client, every, Arc::clone(&done)));
        Self { done, task }
    }

    pub(crate) async fn end(self) -> Searched {
        self.done.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn search(client: Client, every: Duration, done: Arc<AtomicBool>) -> Searched {
    let mut searched = Searched::default();
    let begun = Instant::now();
    for number in 0.. {
        // One that comes late is counted as late, and does not hold up those behind it.
        let due = begun + every * number;
        tokio::time::sleep_until(due.into()).await;
        if done.load(Ordering::Relaxed) {
            break;
        }
        let kind = number as usize % KINDS;
        let (west, month) = (-70 + kind as i32, 1 + kind % 12);
        let asked = json!({
            "bbox": [west, -20, west + 12, 0], "limit": 10,
            "datetime": format!("2019-{month:02}-01T00:00:00Z/2020-{month:02}-28T00:00:00Z"),
        });
        match client.query("SELECT search($1::text::jsonb)::text", &[&asked.to_string()]).await {
            Ok(_) => searched.times.push(due.elapsed().as_secs_f64() * 1e3),
            Err(_) => searched.failed += 1,
        }
    }
    searched
}
