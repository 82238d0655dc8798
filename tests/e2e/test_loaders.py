"""load-stac-items as deployed: twice beside itself, with filters that have nothing in common, over one pgstac."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from conftest import ARCHITECTURE
from loaders import LoaderStack, build, created, item, publish, template_of, withdrawn
from stack import wait_until

TOPIC = "stac-items"
BUCKET = "loader-e2e-items"
COLLECTIONS = ("one", "two")
PASSWORD = "open-sesame-e2e"


def test_linters_are_content():
    run = subprocess.run([Path(sys.executable).parent / "cfn-lint", template_of("load-stac-items")], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def database(postgres):
    postgres.make("loaders")
    return postgres


@pytest.fixture(scope="module")
def stacks(world, database, tmp_path_factory):
    template = build(world, "load-stac-items", tmp_path_factory.mktemp("loaders"), ARCHITECTURE)
    secret = world.client("secretsmanager").create_secret(
        Name="database", SecretString=json.dumps({"username": "postgres", "password": PASSWORD, "engine": "postgres"})
    )["ARN"]
    topic = world.client("sns").create_topic(Name=TOPIC)["TopicArn"]
    world.client("s3").create_bucket(Bucket=BUCKET)
    stacks = {}
    for collection in COLLECTIONS:
        stacks[collection] = LoaderStack(world, f"loader-{collection}", "LoadStacItems")
        stacks[collection].deploy(
            template, Topic=topic, FilterPolicy=json.dumps({"collection": [collection]}), DatabaseSecret=secret,
            Database=f"postgresql://127.0.0.1:{database.port}/loaders?sslmode=disable", Architecture=ARCHITECTURE,
            UnknownCollection="make", AllowedBuckets=BUCKET,
        )
    yield stacks
    for stack in stacks.values():
        stack.delete()


@pytest.fixture
def ids(database):
    """Asks the database which items of a collection it has."""

    def ask(collection: str) -> list[str]:
        with psycopg.connect(database.address("loaders")) as connection:
            rows = connection.execute("SELECT id FROM pgstac.items WHERE collection = %s ORDER BY id", (collection,))
            return [row[0] for row in rows]

    return ask


def test_each_loader_takes_what_its_filter_says(world, stacks, ids):
    topic = world.client("sns").create_topic(Name=TOPIC)["TopicArn"]
    for number in range(30):
        for collection in (*COLLECTIONS, "three"):
            publish(world, topic, item(collection, f"{collection}-{number:02}"), collection)
    for collection, stack in stacks.items():
        expected = [f"{collection}-{number:02}" for number in range(30)]
        wait_until(lambda: ids(collection) == expected, 60, lambda: f"{len(ids(collection))} items, {stack.log_lines()[-5:]}")
        wait_until(lambda: stack.waiting() == 0, 30, "the queue is empty")
        assert stack.letters() == []
        wait_until(lambda: stack.loaded() >= 30, 30, lambda: f"the function tells of {stack.loaded()} items")
    assert ids("three") == []


def test_objects_of_a_bucket_are_loaded_by_its_events_and_others_are_refused(world, stacks, ids):
    stack = stacks["one"]
    world.client("s3").put_object(Bucket=BUCKET, Key="a b.json", Body=json.dumps(item("one", "by-event")))
    stack.send(created(BUCKET, "a+b.json"))
    wait_until(lambda: "by-event" in ids("one"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    stack.send(created("another-bucket", "a.json"))
    [letter] = wait_until(stack.letters, 60, "the dead letter is there")
    assert letter["reason"] == "forbidden-source"


def test_what_cannot_be_loaded_is_a_dead_letter_with_its_reason_and_nothing_else_is(stacks, ids):
    stack = stacks["two"]
    bad = json.dumps(item("two", "bad", title="\0"))
    open_ring = item("two", "open")
    open_ring["geometry"] = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0.5, 1]]]}
    for body in (bad, json.dumps(item("two", "good")), json.dumps(open_ring), "hello"):
        stack.send(body)
    wait_until(lambda: "good" in ids("two"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    letters = []
    wait_until(lambda: letters.extend(stack.letters()) or len(letters) >= 3, 60, lambda: f"{letters}")
    assert sorted(letter["reason"] for letter in letters) == ["database", "item", "message"]
    assert not {"bad", "open"} & set(ids("two"))


def test_a_connection_that_broke_is_made_anew_and_a_withdrawal_takes_out(stacks, ids, database):
    stack = stacks["two"]
    stack.send(json.dumps(item("two", "before")))
    wait_until(lambda: "before" in ids("two"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    with psycopg.connect(database.address("loaders"), autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lazycat'"
        ).fetchone()
    assert ended[0] > 0
    stack.send(withdrawn("two", "before"))
    wait_until(lambda: "before" not in ids("two"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    wait_until(lambda: stack.waiting() == 0, 30, "the queue is empty")


def test_the_password_is_in_no_log(stacks):
    for stack in stacks.values():
        lines = stack.log_lines()
        assert lines and not any(PASSWORD in line for line in lines)
