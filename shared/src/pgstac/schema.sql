-- What lazycat's loaders remember beside pgstac: of every item and collection the newest change that they have seen, so
-- that messages may come late, twice and in any order. Run by the first loader that connects; where its role may not
-- create schemas, run it once as somebody who may, and see the grants at the end of docs/search.md.

CREATE SCHEMA IF NOT EXISTS lazycat;

-- One row: the version of these tables.
CREATE TABLE IF NOT EXISTS lazycat.layout (version integer NOT NULL);
INSERT INTO lazycat.layout SELECT 1 WHERE NOT EXISTS (SELECT FROM lazycat.layout);

-- version: when what the last change tells happened, in milliseconds since 1970. deleted: that it was a removal.
-- source: the address of the item's document.
CREATE TABLE IF NOT EXISTS lazycat.item_versions (
    collection text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    deleted boolean NOT NULL,
    source text,
    PRIMARY KEY (collection, id)
);
-- An address may be longer than a B-tree takes, and audits go through them in the order of their bytes.
CREATE INDEX IF NOT EXISTS item_versions_source ON lazycat.item_versions (left(source, 600) COLLATE "C");

CREATE TABLE IF NOT EXISTS lazycat.collection_versions (
    id text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL
);

-- Addresses whose document is gone, so that a loader that has read it before does not bring its items back.
CREATE TABLE IF NOT EXISTS lazycat.removed_sources (
    digest bytea PRIMARY KEY,
    source text NOT NULL,
    version bigint NOT NULL
);
