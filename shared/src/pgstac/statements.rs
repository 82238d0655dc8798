//! All SQL that is sent. Nothing is ever put into it but parameters.

pub(super) const BEGIN: &str = "BEGIN";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";
pub(super) const SAVEPOINT: &str = "SAVEPOINT attempt";
pub(super) const ROLLBACK_TO_SAVEPOINT: &str = "ROLLBACK TO SAVEPOINT attempt";
pub(super) const RELEASE_SAVEPOINT: &str = "RELEASE SAVEPOINT attempt";

/// The lock that all loaders share: no two of them write at once, so none of them can be in another's way half-done.
/// The number is "lazycat" in ASCII.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(x'006c617a79636174'::bigint)";

/// How a session behaves. A statement that waits for somebody gives way, for whoever waits behind it.
pub(super) const BEHAVE: &str = "
    SELECT set_config('search_path', 'pgstac, public', false), set_config('TimeZone', 'UTC', false),
           set_config('client_min_messages', 'error', false), set_config('jit', 'off', false),
           set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false),
           set_config('idle_in_transaction_session_timeout', $1, false)";

/// What is long is packed by LZ4, where the server can and nobody has decided otherwise: that takes a fraction of the time
/// that its own way takes, and of the room as little more.
pub(super) const PACK: &str = "
    SELECT set_config(name, 'lz4', false) FROM pg_settings
    WHERE name = 'default_toast_compression' AND source = 'default' AND 'lz4' = ANY(enumvals)";

pub(super) const VERSION: &str = "SELECT pgstac.get_version()";

/// The tables of the loaders.
pub(super) const TABLES: &str = include_str!("schema.sql");

pub(super) const HAS_TABLES: &str = "SELECT to_regclass('lazycat.layout') IS NOT NULL";

pub(super) const LAYOUT: &str = "SELECT version FROM lazycat.layout";

/// Collections with their base items, where there is one for each.
pub(super) const COLLECTIONS_PLAIN: &str = "
    SELECT id, base_item::text, partition_trunc, NULL::int FROM pgstac.collections WHERE id = ANY($1)";

/// The same, where base items are kept.
pub(super) const COLLECTIONS_TAGGED: &str = "
    SELECT c.id, b.base_item::text, c.partition_trunc, b.base_item_id
    FROM pgstac.collections c, pgstac.current_base_item(c.id) b WHERE c.id = ANY($1)";

pub(super) const COLLECTION_VERSIONS: &str = "SELECT id, version FROM lazycat.collection_versions WHERE id = ANY($1)";

pub(super) const PUT_COLLECTION: &str = "
    INSERT INTO pgstac.collections (content, partition_trunc) VALUES ($1::text::jsonb, $2)
    ON CONFLICT (id) DO UPDATE SET content = EXCLUDED.content";

pub(super) const MAKE_COLLECTION: &str = "
    INSERT INTO pgstac.collections (content, partition_trunc) VALUES ($1::text::jsonb, $2) ON CONFLICT (id) DO NOTHING";

pub(super) const REMEMBER_COLLECTION: &str = "
    INSERT INTO lazycat.collection_versions (id, version) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version";

/// Makes a partition, or widens what it is known to hold. The wider range keeps later batches from doing so again; a
/// partition that is cut otherwise, by somebody in another time zone, is only asked for what there is.
pub(super) const PARTITION: &str = "
    SELECT pgstac.check_partition(
        $1,
        CASE WHEN p.partition_range @> tstzrange($2, $3, '[]') THEN tstzrange($2, $3, '[]')
             ELSE tstzrange($4, $5, '[]') END,
        tstzrange($2, $6, '[]')
    ) FROM pgstac.partition_name($1, $4) p";

/// Key by key, whatever the planner believes of how many there are: LIMIT and OFFSET keep it from reading all of a table
/// that it knows nothing of yet.
pub(super) const MEMORY: &str = "
    SELECT v.* FROM unnest($1::text[], $2::text[]) k (collection, id), LATERAL (
        SELECT collection, id, version, deleted, source FROM lazycat.item_versions
        WHERE collection = k.collection AND id = k.id LIMIT 1
    ) v
    UNION ALL
    SELECT v.* FROM unnest($3::text[]) s, LATERAL (
        SELECT collection, id, version, deleted, source FROM lazycat.item_versions
        WHERE left(source, 600) COLLATE \"C\" = left(s, 600) AND source = s AND NOT deleted OFFSET 0
    ) v";

pub(super) const REMOVED_SOURCES: &str = "
    SELECT r.* FROM unnest($1::text[]) s, LATERAL (
        SELECT source, version FROM lazycat.removed_sources WHERE digest = sha256(convert_to(s, 'UTF8')) LIMIT 1
    ) r";

/// For one collection, so that no partition of another is looked at.
pub(super) const DELETE: &str = "DELETE FROM pgstac.items WHERE collection = $1 AND id = ANY($2)";

/// Geometries come as EWKB, which is quickly read, or where that is null, as GeoJSON.
pub(super) const INSERT: &str = "
    INSERT INTO pgstac.items (id, collection, datetime, end_datetime, geometry, content)
    SELECT id, collection, datetime, end_datetime, coalesce(binary_geometry::geometry, ST_GeomFromGeoJSON(geometry)),
           content::jsonb
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bytea[], $6::text[], $7::text[])
        AS row (id, collection, datetime, end_datetime, binary_geometry, geometry, content)";

pub(super) const INSERT_FOREIGN: &str = "
    INSERT INTO pgstac.items (id, collection, datetime, end_datetime, geometry, content, private)
    SELECT i.id, i.collection, i.datetime, i.end_datetime, i.geometry, i.content, i.private
    FROM unnest($1::text[]) AS row (item), LATERAL pgstac.content_dehydrate(row.item::jsonb) i";

pub(super) const REMEMBER_ITEMS: &str = "
    INSERT INTO lazycat.item_versions (collection, id, version, deleted, source)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bool[], $5::text[])
    ON CONFLICT (collection, id)
    DO UPDATE SET version = EXCLUDED.version, deleted = EXCLUDED.deleted, source = EXCLUDED.source";

pub(super) const REMEMBER_SOURCES: &str = "
    INSERT INTO lazycat.removed_sources (digest, source, version)
    SELECT sha256(convert_to(source, 'UTF8')), source, version FROM unnest($1::text[], $2::bigint[]) r (source, version)
    ON CONFLICT (digest) DO UPDATE SET version = EXCLUDED.version";

/// What came from addresses of a range, in the order of their bytes. No key of a catalog makes one longer than 600
/// characters, and of others nothing is asked.
pub(super) const LISTED: &str = "
    SELECT source, collection, id, version FROM lazycat.item_versions
    WHERE left(source, 600) COLLATE \"C\" > $1 AND left(source, 600) COLLATE \"C\" < $2
        AND NOT deleted AND length(source) <= 600
    ORDER BY left(source, 600) COLLATE \"C\", collection, id LIMIT $3";

/// Those of the items that there are. For one collection, so that no partition of another is looked at.
pub(super) const PRESENT: &str = "SELECT id FROM pgstac.items WHERE collection = $1 AND id = ANY($2)";

/// Items as a search gives them.
pub(super) const HYDRATED: &str = "
    SELECT pgstac.content_hydrate(i)::text FROM pgstac.items i WHERE collection = $1 AND id = $2";

/// How a session for searches behaves. What pgstac would write while it searches is its statistics only.
pub(super) const BEHAVE_AS_READER: &str = "
    SELECT set_config('search_path', 'pgstac, public', false), set_config('TimeZone', 'UTC', false),
           set_config('client_min_messages', 'error', false), set_config('jit', 'off', false),
           set_config('statement_timeout', $1, false), set_config('pgstac.readonly', 'true', false),
           set_config('pgstac.format_cache', 'false', false), set_config('default_transaction_read_only', 'on', false)";

pub(super) const SEARCH: &str = "SELECT pgstac.search($1::text::jsonb)::text";

pub(super) const ITEM: &str = "SELECT pgstac.get_item($1, $2)::text";

/// In the order of bytes, whatever that of the database is.
pub(super) const COLLECTIONS: &str = "
    SELECT id, content::text FROM pgstac.collections
    WHERE $1::text IS NULL OR id COLLATE \"C\" > $1 ORDER BY id COLLATE \"C\" LIMIT $2";

pub(super) const COLLECTION: &str = "SELECT id, content::text FROM pgstac.collections WHERE id = $1";

/// Of the newest items, of one collection or of all: names, and types that their values have.
pub(super) const PROPERTIES: &str = "
    SELECT DISTINCT p.key COLLATE \"C\" AS name, jsonb_typeof(p.value) AS kind FROM (
        SELECT content->'properties' AS properties FROM pgstac.items
        WHERE $1::text IS NULL OR collection = $1 ORDER BY datetime DESC LIMIT 200
    ) s, LATERAL jsonb_each(s.properties) p
    WHERE jsonb_typeof(p.value) <> 'null' ORDER BY 1, 2 DESC";

/// Properties that are registered, with what they are read through.
pub(super) const WRAPPERS: &str = "
    SELECT n.name, q.wrapper FROM unnest($1::text[]) n (name), LATERAL pgstac.queryable(n.name, $2::text[]) q
    WHERE q.nulled_wrapper IS NOT NULL OR (q.registered AND q.definition ?| '{type,format}')";

/// The same in 0.9, which knows no queryables of single collections.
pub(super) const WRAPPERS_BEFORE: &str = "
    SELECT n.name, q.nulled_wrapper FROM unnest($1::text[]) n (name), LATERAL pgstac.queryable(n.name) q
    WHERE q.nulled_wrapper IS NOT NULL";

/// Which types of JSON the values of these properties have, null left out, in the newest items.
pub(super) const TYPES: &str = "
    SELECT n.name, array_agg(DISTINCT jsonb_typeof(s.properties #> string_to_array(n.name, '.'))) FROM (
        SELECT content->'properties' AS properties FROM pgstac.items
        WHERE cardinality($2::text[]) = 0 OR collection = ANY($2) ORDER BY datetime DESC LIMIT 200
    ) s, unnest($1::text[]) n (name)
    WHERE jsonb_typeof(s.properties #> string_to_array(n.name, '.')) <> 'null' GROUP BY n.name";
