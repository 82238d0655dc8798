//! Databases of a test's own, and items for them.

use chrono::{DateTime, Utc};
use lazycat::pgstac::{Pgstac, Settings, Target};
use lazycat::search::change::{Action, Change, Version};
use lazycat::search::item;
use lazycat_tests::conformance::indexes::Findings;
use lazycat_tests::postgres::{Database, Postgres};
use serde_json::{Value, json};
use tokio_postgres::Client;

/// Looks into a database as a STAC API does.
pub(crate) struct Searches(pub(crate) Client);

impl Findings for Searches {
    async fn item(&self, collection: &str, id: &str) -> Option<Value> {
        let asked = json!({"collections": [collection], "ids": [id]}).to_string();
        let found = self.0.query_one("SELECT pgstac.search($1::text::jsonb)::text", &[&asked]).await.unwrap();
        let found: Value = serde_json::from_str(found.get(0)).unwrap();
        let features = found["features"].as_array().unwrap();
        assert!(features.len() < 2, "{collection}/{id} is there {} times", features.len());
        features.first().cloned()
    }

    async fn collection(&self, id: &str) -> Option<Value> {
        let found = self.0.query_opt("SELECT content::text FROM collections WHERE id = $1", &[&id]).await.unwrap();
        found.map(|row| serde_json::from_str(row.get(0)).unwrap())
    }

    async fn count(&self) -> usize {
        let rows: i64 = self.0.query_one("SELECT count(*) FROM items", &[]).await.unwrap().get(0);
        rows.try_into().unwrap()
    }
}

/// A database with one collection, `c`, and an index over it.
pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) index: Pgstac,
    pub(crate) client: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::of(Postgres::shared().database(), settings).await
    }

    pub(crate) async fn of(database: Database, settings: Settings) -> Self {
        let index = index(&database, settings);
        let client = database.connect().await;
        put_collection(&client, "c").await;
        Self { database, index, client }
    }

    /// The ids of all items, in order; twice what is there twice.
    pub(crate) async fn ids(&self) -> Vec<String> {
        let rows = self.client.query("SELECT id FROM items ORDER BY id", &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

pub(crate) fn index(database: &Database, settings: Settings) -> Pgstac {
    Pgstac::new(database.address().parse::<Target>().unwrap(), settings)
}

pub(crate) async fn put_collection(client: &Client, id: &str) {
    let text = json!({
        "type": "Collection", "stac_version": "1.1.0", "id": id, "description": "x", "license": "other", "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}},
        "item_assets": {
            "red": {"type": "image/tiff", "title": "Red", "roles": ["data"], "bands": [{"name": "B3", "gsd": 20}]},
            "thumbnail": {"type": "image/png"}
        }
    })
    .to_string();
    let put = "INSERT INTO collections (content, partition_trunc) VALUES ($1::text::jsonb, 'month')";
    client.execute(put, &[&text]).await.unwrap();
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn item(collection: &str, id: &str, datetime: DateTime<Utc>) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 1, 1],
        "properties": {"datetime": datetime.to_rfc3339(), "eo:cloud_cover": 12.5},
        "links": [],
        "assets": {
            "red": {"type": "image/tiff", "title": "Red", "roles": ["data"], "href": "r.tif", "bands": [{"name": "B3", "gsd": 20}]}
        }
    })
}

pub(crate) fn put(text: &str, version: i64) -> Change<'_> {
    Change { version: Version(version), source: None, action: Action::PutItem(item::check(text).unwrap()) }
}
