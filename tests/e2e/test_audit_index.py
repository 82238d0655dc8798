"""Catalog and search index in step: a loader fills pgstac from the stack's topics, and the audit finds and mends what others break."""

import json

import psycopg
import pytest

from conftest import ARCHITECTURE
from loaders import LoaderStack, build
from scenes import fixtures
from stack import BUCKET, NAME, wait_until
from test_operations import DRIFT, run

SCENES = fixtures("CBERS4A/WPM/**/*.xml")
PREFIX = "CBERS4A/WPM"
COLLECTION = "CBERS4A-WPM"
# Where readers would find the catalog. Loaders remember no addresses over http, such as the emulator's.
ADDRESS = "https://stac.example.com/"


@pytest.fixture(scope="module")
def database(postgres):
    postgres.make("searched")
    return postgres


@pytest.fixture(scope="module")
def addressed(stack, source_topic):
    """The stack, as it is deployed behind an address of its own; as before in the end."""
    stack.deploy(ARCHITECTURE, source_topic, PublicUrl=ADDRESS)
    yield stack
    stack.deploy(ARCHITECTURE, source_topic)


@pytest.fixture(scope="module")
def loader(addressed, database, tmp_path_factory):
    """A loader of all that the stack publishes of one camera."""
    stack = addressed
    loader = LoaderStack(stack, "load-searched", "LoadStacItems")
    loader.deploy(
        build(stack, "load-stac-items", tmp_path_factory.mktemp("loader"), ARCHITECTURE), Architecture=ARCHITECTURE, UnknownCollection="make",
        Topic=stack.outputs["ItemsTopic"], SecondTopic=stack.outputs["ReprocessedItemsTopic"],
        FilterPolicy=json.dumps({"links.self.href": [{"prefix": ADDRESS + PREFIX}]}),
        Database=f"{connection(database)}?sslmode=disable",
    )
    yield loader
    loader.delete()


def connection(database) -> str:
    return f"postgresql://postgres@127.0.0.1:{database.port}/searched"


@pytest.fixture
def sql(database):
    with psycopg.connect(database.address("searched"), autocommit=True) as connection:
        yield lambda text, *values: connection.execute(text, values)


def indexed(sql) -> set[str]:
    return {row[0] for row in sql("SELECT id FROM pgstac.items WHERE collection = %s", COLLECTION)}


def settle(stack, loader):
    stack.settle()
    wait_until(lambda: loader.waiting() == 0, 60, lambda: "\n".join(loader.log_lines()[-5:]))


def audit(stack, loader, database, *options: str, code: int = DRIFT) -> dict[str, list[str]]:
    """Of each class the ids of what was found, as the command tells it."""
    report = run(
        stack, "audit", "--stack", NAME, "--prefix", PREFIX, "--grace", "1", "--pgstac", "--indexed", COLLECTION,
        "--loader-queue", loader.outputs["ItemsQueue"], *options, code=code,
        LAZYCAT_DATABASE=f"{connection(database)}?sslmode=disable",
    )
    assert not report["pending"], report["pending"]
    return {name: sorted(told["key"].rpartition("/")[2] for told in group["examples"]) for name, group in report["drift"].items()}


def test_what_the_stack_publishes_is_in_the_index_and_an_audit_finds_no_drift(stack, loader, database, sql):
    stack.supply(*SCENES)
    request = json.dumps({"bucket": SCENES[0].bucket, "prefix": f"{PREFIX}/", "force": True}).encode()
    stack.client("lambda").invoke(FunctionName=stack.outputs["GenerateSceneMessages"], Payload=request)
    settle(stack, loader)
    assert indexed(sql) == {scene.id for scene in SCENES}
    assert audit(stack, loader, database, "--content", "full", code=0) == {}


def test_what_others_break_in_index_or_catalog_is_found_and_mended(stack, loader, database, sql):
    lost, changed, behind, gone = SCENES[:4]
    files = {scene: scene.item_key.rpartition("/")[2] for scene in SCENES[:4]}
    sql("DELETE FROM pgstac.items WHERE id = %s", lost.id)
    edit = """UPDATE pgstac.items SET content = jsonb_set(content, '{properties,platform}', '"another"') WHERE id = %s"""
    sql(edit, changed.id)
    sql(edit, behind.id)
    sql("UPDATE lazycat.item_versions SET version = version - 3600000 WHERE id = %s", behind.id)
    s3 = stack.client("s3")
    s3.delete_object(Bucket=BUCKET, Key=gone.item_key)
    metadata = s3.list_objects_v2(Bucket=gone.bucket, Prefix=gone.key.rpartition("/")[0] + "/")["Contents"]
    before = {each["Key"]: s3.get_object(Bucket=gone.bucket, Key=each["Key"])["Body"].read() for each in metadata}
    for key in before:
        s3.delete_object(Bucket=gone.bucket, Key=key)

    found = {
        "index-missing": [files[lost]], "index-differs": [files[changed]], "index-stale": [files[behind]],
        "index-extra": [files[gone]], "link-without-object": [files[gone]],
    }
    assert audit(stack, loader, database, "--content", "full") == found
    # What is behind shows without any content being read; what was changed does not.
    quick = {name: keys for name, keys in found.items() if name != "index-differs"}
    assert audit(stack, loader, database, "--sample", "0") == quick
    assert audit(stack, loader, database, "--content", "full", "--repair", "--prune", "--prune-share", "0.5") == found
    settle(stack, loader)
    assert indexed(sql) == {scene.id for scene in SCENES} - {gone.id}
    assert audit(stack, loader, database, "--content", "full", code=0) == {}

    for key, body in before.items():
        s3.put_object(Bucket=gone.bucket, Key=key, Body=body)
    audit(stack, loader, database, "--repair")
    settle(stack, loader)
    assert indexed(sql) == {scene.id for scene in SCENES}
    assert audit(stack, loader, database, "--content", "full", code=0) == {}


def test_the_function_looks_into_the_index_that_its_stack_names(stack, loader, database, sql):
    client, name = stack.client("lambda"), stack.outputs["AuditCatalog"]
    known = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    named = {
        "LAZYCAT_AUDIT_GRACE": "1", "LAZYCAT_INDEX_DATABASE": f"{connection(database)}?sslmode=disable",
        "LAZYCAT_INDEX_COLLECTIONS": COLLECTION, "LAZYCAT_INDEX_QUEUE_URL": "",
    }
    client.update_function_configuration(FunctionName=name, Environment={"Variables": known | named})
    try:
        sql("DELETE FROM pgstac.items WHERE id = %s", SCENES[0].id)
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"prefix": PREFIX}).encode())
        report = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, report
        assert [*report["drift"]] == ["index-missing"] and report["looked"]["indexed"] == len(SCENES)
        assert any('"AuditIndexMissing":[1.0]' in line for line in stack.log_lines("AuditCatalog"))
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"prefix": PREFIX, "index": False}).encode())
        assert json.loads(answer["Payload"].read())["drift"] == {}
    finally:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": known})
    audit(stack, loader, database, "--repair")
    settle(stack, loader)
    assert audit(stack, loader, database, code=0) == {}


def test_an_index_that_cannot_be_reached_or_is_not_named_is_told(stack):
    command = ("audit", "--stack", NAME, "--prefix", PREFIX, "--pgstac")
    away = "postgresql://auditor:hush@127.0.0.1:1/searched?sslmode=disable"
    told = run(stack, *command, code=1, LAZYCAT_DATABASE=away)
    assert "searched at 127.0.0.1:1" in told and "hush" not in told
    assert "LAZYCAT_DATABASE is not set" in run(stack, *command, code=1, LAZYCAT_DATABASE="")
    assert "--opensearch" in run(stack, *command, "--opensearch", "https://search.example", code=2)
