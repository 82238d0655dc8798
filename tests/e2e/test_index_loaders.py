"""index-stac-items as deployed: twice beside itself, with filters that have nothing in common, over one OpenSearch."""

import json
import sys
from urllib.error import HTTPError

import pytest

from conftest import ARCHITECTURE
from loaders import LoaderStack, build, created, item, publish, withdrawn
from scenes import ROOT
from stack import wait_until

sys.path.insert(0, str(ROOT / "tests" / "opensearch"))
from engine import Engine  # noqa: E402

TOPIC = "stac-items-to-index"
BUCKET = "index-loader-e2e-items"
# The first loader makes collections that it does not know, the second one refuses them.
COLLECTIONS = {"three": "make", "four": "refuse"}
# Of each collection.
ITEMS = 12


@pytest.fixture(scope="module")
def engine():
    engine = Engine()
    try:
        engine.start()
        yield engine
    finally:
        engine.stop()


@pytest.fixture(scope="module")
def topic(world):
    return world.client("sns").create_topic(Name=TOPIC)["TopicArn"]


@pytest.fixture(scope="module")
def stacks(world, engine, topic, tmp_path_factory):
    template = build(world, "index-stac-items", tmp_path_factory.mktemp("index-loaders"), ARCHITECTURE)
    world.client("s3").create_bucket(Bucket=BUCKET)
    stacks = {}
    for collection, unknown in COLLECTIONS.items():
        stacks[collection] = LoaderStack(world, f"index-loader-{collection}", "IndexStacItems")
        stacks[collection].deploy(
            template, Topic=topic, FilterPolicy=json.dumps({"collection": [collection]}), Endpoint=engine.url,
            Architecture=ARCHITECTURE, UnknownCollection=unknown, AllowedBuckets=BUCKET,
        )
    yield stacks
    for stack in stacks.values():
        stack.delete()


@pytest.fixture
def ids(engine):
    """Asks the engine which items of a collection a search finds."""

    def ask(collection: str) -> list[str]:
        query = {"size": 1000, "query": {"term": {"collection": collection}}, "_source": ["id"]}
        try:
            hits = engine.ask("/items_*/_search?allow_no_indices=true", query)["hits"]["hits"]
        except HTTPError as error:
            # An index that is being made cannot be searched yet.
            assert error.code == 503, error
            return []
        return sorted(hit["_source"]["id"] for hit in hits)

    return ask


def test_each_loader_takes_what_its_filter_says_and_a_collection_that_is_wanting_is_made_or_waited_for(world, stacks, topic, ids):
    for number in range(ITEMS):
        for collection in (*COLLECTIONS, "five"):
            publish(world, topic, item(collection, f"{collection}-{number:02}"), collection)
    expected = [f"three-{number:02}" for number in range(ITEMS)]
    three, four = stacks["three"], stacks["four"]
    wait_until(lambda: ids("three") == expected, 120, lambda: f"{len(ids('three'))} items, {three.log_lines()[-5:]}")
    letters = []
    wait_until(lambda: letters.extend(four.letters()) or len(letters) >= ITEMS, 120, lambda: f"{len(letters)} dead letters")
    assert {letter["reason"] for letter in letters} == {"unknown-collection"}
    assert (ids("four"), ids("five")) == ([], [])
    # What an operator does then: load the collection, and put the letters back.
    collection = {"type": "Collection", "stac_version": "1.1.0", "id": "four", "description": "", "license": "other", "links": []}
    four.send(json.dumps(collection))
    # A queue keeps no order, and there is more than one instance of the function.
    wait_until(lambda: four.loaded() == 1, 120, lambda: "\n".join(four.log_lines()[-5:]))
    for letter in letters:
        four.send(letter["body"])
    expected = [f"four-{number:02}" for number in range(ITEMS)]
    wait_until(lambda: ids("four") == expected, 120, lambda: f"{len(ids('four'))} items, {four.log_lines()[-5:]}")
    for stack in stacks.values():
        wait_until(lambda: stack.waiting() == 0, 30, "the queue is empty")
        assert stack.letters() == []
        wait_until(lambda: stack.loaded() >= ITEMS, 30, lambda: f"the function tells of {stack.loaded()} items")


def test_objects_of_a_bucket_are_loaded_by_its_events_and_a_withdrawal_takes_out(world, stacks, ids):
    stack = stacks["three"]
    world.client("s3").put_object(Bucket=BUCKET, Key="a b.json", Body=json.dumps(item("three", "by-event")))
    stack.send(created(BUCKET, "a+b.json"))
    wait_until(lambda: "by-event" in ids("three"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    stack.send(withdrawn("three", "by-event"))
    wait_until(lambda: "by-event" not in ids("three"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    stack.send(created("another-bucket", "a.json"))
    [letter] = wait_until(stack.letters, 60, "the dead letter is there")
    assert letter["reason"] == "forbidden-source"


def test_what_cannot_be_indexed_is_a_dead_letter_with_its_reason_and_nothing_else_is(stacks, ids):
    stack = stacks["three"]
    early = item("three", "early", datetime="1905-01-01T00:00:00Z")
    open_ring = item("three", "open")
    open_ring["geometry"] = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0.5, 1]]]}
    for body in (json.dumps(early), json.dumps(item("three", "good")), json.dumps(open_ring), "hello"):
        stack.send(body)
    wait_until(lambda: "good" in ids("three"), 60, lambda: "\n".join(stack.log_lines()[-5:]))
    letters = []
    wait_until(lambda: letters.extend(stack.letters()) or len(letters) >= 3, 60, lambda: f"{letters}")
    assert sorted(letter["reason"] for letter in letters) == ["index", "item", "message"]
    assert not {"early", "open"} & set(ids("three"))
