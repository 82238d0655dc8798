//! The catalog as the objects of a bucket.

use aws_sdk_s3::Client;

use crate::level::Level;
use crate::ports::{
    ETag, Expected, ItemPut, Object, Page, PageToken, PortError, PortResult, ReadCatalog, ReadItems, StoredItem,
    WriteCatalog, WriteItems,
};

/// The bucket of a catalog. Clones share the client.
#[derive(Debug, Clone)]
pub struct CatalogBucket {
    s3: Client,
    bucket: String,
}

impl CatalogBucket {
    /// The catalog in this bucket.
    #[must_use]
    pub fn new(s3: Client, bucket: impl Into<String>) -> Self {
        Self { s3, bucket: bucket.into() }
    }
    fn none<T>(&self) -> PortResult<T> {
        let _ = &self.s3;
        Err(PortError::Unavailable { what: self.bucket.clone(), source: "not yet".into() })
    }
}
impl ReadItems for CatalogBucket {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        keys.iter().map(|_| self.none()).collect()
    }
}
impl WriteItems for CatalogBucket {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        items.iter().map(|_| self.none()).collect()
    }
    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        keys.iter().map(|_| self.none()).collect()
    }
}
impl ReadCatalog for CatalogBucket {
    async fn get(&self, _: &str) -> PortResult<Option<Object>> {
        self.none()
    }
    async fn exists(&self, _: &str) -> PortResult<bool> {
        self.none()
    }
    async fn list(&self, _: &Level, _: Option<&PageToken>) -> PortResult<Page> {
        self.none()
    }
}
impl WriteCatalog for CatalogBucket {
    async fn put_if(&self, _: &str, _: &[u8], _: &Expected) -> PortResult<ETag> {
        self.none()
    }
}
