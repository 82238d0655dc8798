"""Items of others, their catalog and their search index in step: filed, loaded into pgstac, damaged, audited and told of again."""

import json

import psycopg
import pytest

from conftest import ARCHITECTURE
from loaders import LoaderStack, build, item, withdrawn
from stack import wait_until
from test_operations import DRIFT, run

NAME = "lazycat-audited"
BUCKET = "audited-e2e-catalog"
LAYOUT = "{collection}/{year}"
COLLECTION = "others"
# Where readers would find the catalog. Loaders remember no addresses over http, such as the emulator's.
ADDRESS = "https://stac.example.com/"
DATABASE = "audited"


@pytest.fixture(scope="module")
def database(postgres):
    postgres.make(DATABASE)
    return postgres


@pytest.fixture(scope="module")
def filed(deployed, database, tmp_path_factory):
    """A catalog with a layout, what files into it, and a loader that listens to its topics."""
    stack = deployed.beside(NAME, BUCKET)
    stack.deploy(ARCHITECTURE, '""', Layout=LAYOUT, PublicUrl=ADDRESS, AuditRepair="yes")
    stack.allow_plain_http()
    stack.set_schedule("DISABLED")
    filer, loader = LoaderStack(stack, "audited-filer", "FileStacItem"), LoaderStack(stack, "audited-loader", "LoadStacItems")
    outputs = {name: stack.outputs[name] for name in ("CatalogBucket", "DirtyLevels", "FiledItems", "ItemsTopic")}
    filer.deploy(
        build(stack, "file-stac-item", tmp_path_factory.mktemp("filer"), ARCHITECTURE), Architecture=ARCHITECTURE, Layout=LAYOUT,
        PublicUrl=ADDRESS, **outputs,
    )
    stack.allow_batches_of(filer.role("FileStacItemRole"))
    stack.allow_batches("AuditCatalogRole")
    loader.deploy(
        build(stack, "load-stac-items", tmp_path_factory.mktemp("loader"), ARCHITECTURE), Architecture=ARCHITECTURE, UnknownCollection="make",
        Topic=stack.outputs["ItemsTopic"], SecondTopic=stack.outputs["ReprocessedItemsTopic"], Database=address(database),
    )
    stack.filer, stack.loader = filer, loader
    yield stack
    stack.forbid_batches_of(filer.role("FileStacItemRole"))
    stack.forbid_batches("AuditCatalogRole")
    loader.delete()
    filer.delete()
    stack.delete()


@pytest.fixture
def sql(database):
    with psycopg.connect(database.address(DATABASE), autocommit=True) as connection:
        yield lambda text, *values: connection.execute(text, values)


def address(database) -> str:
    return f"postgresql://postgres@127.0.0.1:{database.port}/{DATABASE}?sslmode=disable"


def settle(stack):
    wait_until(lambda: stack.filer.waiting() == 0, 60, lambda: "\n".join(stack.filer.log_lines()[-5:]))
    stack.settle()
    wait_until(lambda: stack.loader.waiting() == 0, 60, lambda: "\n".join(stack.loader.log_lines()[-5:]))


def file(stack, *items: dict):
    for each in items:
        stack.filer.send(json.dumps(each))
    settle(stack)


def indexed(sql) -> set[str]:
    return {row[0] for row in sql("SELECT id FROM pgstac.items WHERE collection = %s", COLLECTION)}


def audit(stack, database, *options: str, code: int = DRIFT) -> dict[str, list[str]]:
    """Of each class the files of what was found, as the command tells it."""
    report = run(
        stack, "audit", "--stack", NAME, "--prefix", COLLECTION, "--grace", "1", "--pgstac",
        "--loader-queue", stack.loader.outputs["ItemsQueue"], "--content", "full", *options, code=code, LAZYCAT_DATABASE=address(database),
    )
    assert not report["pending"], report["pending"]
    return {name: sorted(told["key"].rpartition("/")[2] for told in group["examples"]) for name, group in report["drift"].items()}


def test_what_is_filed_is_in_the_index_and_what_no_index_takes_is_told(filed, database, sql):
    placeless = item(COLLECTION, "placeless") | {"geometry": None}
    del placeless["bbox"]
    file(filed, *(item(COLLECTION, f"scene {number}") for number in range(6)), placeless)
    assert indexed(sql) == {f"scene {number}" for number in range(6)}
    # The loader has refused it as well.
    [letter] = filed.loader.letters()
    assert "/geometry" in letter["detail"]
    report = run(filed, "audit", "--stack", NAME, "--grace", "1", "--pgstac", "--without-source", LAZYCAT_DATABASE=address(database))
    assert (report["drifted"], report["looked"]["indexed"]) == (0, 7)
    [example] = report["accepted"]["unindexable"]["examples"]
    assert example["key"] == "others/2020/placeless.json" and "/geometry" in example["detail"]


def test_what_others_break_is_found_and_the_loader_told_of_it(filed, database, sql):
    sql("DELETE FROM pgstac.items WHERE id = 'scene 0'")
    edit = """UPDATE pgstac.items SET content = jsonb_set(content, '{properties,platform}', '"another"') WHERE id = %s"""
    sql(edit, "scene 1")
    sql(edit, "scene 2")
    sql("UPDATE lazycat.item_versions SET version = version - 3600000 WHERE id = 'scene 2'")
    # The index is not told of a withdrawal, nor of a correction that moves an item.
    client = filed.client("sns")
    [subscription] = client.list_subscriptions_by_topic(TopicArn=filed.outputs["ItemsTopic"])["Subscriptions"]
    client.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    filed.filer.send(withdrawn(COLLECTION, "scene 3"))
    file(filed, item(COLLECTION, "scene 4", datetime="2021-01-01T00:00:00Z"))

    found = {
        "index-missing": ["scene%200.json"], "index-differs": ["scene%201.json"], "index-stale": ["scene%202.json", "scene%204.json"],
        "index-extra": ["scene%203.json"],
    }
    assert audit(filed, database) == found
    # Without --prune nothing is taken out.
    assert audit(filed, database, "--repair") == found
    settle(filed)
    assert indexed(sql) == {f"scene {number}" for number in range(6)}
    assert audit(filed, database) == {"index-extra": ["scene%203.json"]}
    assert audit(filed, database, "--repair", "--prune", "--prune-share", "0.5") == {"index-extra": ["scene%203.json"]}
    settle(filed)
    assert indexed(sql) == {f"scene {number}" for number in (0, 1, 2, 4, 5)}
    assert audit(filed, database, code=0) == {}
    [row] = sql("SELECT content->'properties'->>'datetime', content->'properties'->>'platform' FROM pgstac.items WHERE id = 'scene 4'")
    assert row[0] == "2021-01-01T00:00:00Z"


def test_the_weekly_invocation_over_all_catalogs_mends_the_index_of_items_of_others(filed, database, sql):
    client, name = filed.client("lambda"), filed.outputs["AuditCatalog"]
    known = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    named = {"LAZYCAT_AUDIT_GRACE": "1", "LAZYCAT_INDEX_DATABASE": address(database)}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": known | named})
    sql("DELETE FROM pgstac.items WHERE id = 'scene 5'")
    answer = client.invoke(FunctionName=name, Payload=json.dumps({"scenes": False, "mayBeEmpty": True}).encode())
    report = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    assert [*report["drift"]] == ["index-missing"] and report["repairs"]["told"] == 1, report
    settle(filed)
    assert "scene 5" in indexed(sql)
    assert audit(filed, database, code=0) == {}
