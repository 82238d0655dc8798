"""The whole flow: a notification becomes an item, catalogs at every level, and a message that subscribers filter."""

import json
from urllib.parse import quote

import pystac
import pytest

import catalog
from scenes import announcement, envelope, event, fixtures, record
from stack import wait_until

# Item messages that reach Rio de Janeiro.
RIO = {
    "bbox.ll_lon": [{"numeric": ["<=", -43.1729]}],
    "bbox.ur_lon": [{"numeric": [">=", -43.1729]}],
    "bbox.ll_lat": [{"numeric": ["<=", -22.9068]}],
    "bbox.ur_lat": [{"numeric": [">=", -22.9068]}],
}
OVER_RIO = fixtures("CBERS4/MUX/151/126/**/*.xml")
ELSEWHERE = fixtures("CBERS4/MUX/173/104/**/*.xml")
WIDE = fixtures("AMAZONIA1/WFI/034/019/**/*.xml")


class Subscriber:
    """A queue that is subscribed to a topic."""

    def __init__(self, stack, name: str, topic: str, filter: dict | None = None, raw: bool = False):
        self._sqs = stack.client("sqs")
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        attributes = {"RawMessageDelivery": str(raw).lower()} | ({"FilterPolicy": json.dumps(filter)} if filter else {})
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)

    def take(self) -> list[dict]:
        """All messages that are there."""
        taken = []
        while found := self._sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages", []):
            for message in found:
                taken.append(message)
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def wait(self, count: int) -> list[dict]:
        """As many messages, when they have come."""
        taken: list[dict] = []

        def enough():
            taken.extend(self.take())
            return len(taken) >= count

        wait_until(enough, 20, lambda: f"{len(taken)} of {count} messages have come")
        assert len(taken) == count, [message["Body"][:200] for message in taken]
        return taken

    def ids(self, count: int) -> list[str]:
        bodies = [json.loads(message["Body"]) for message in self.wait(count)]
        return sorted(json.loads(body["Message"])["id"] for body in bodies)


@pytest.fixture(scope="module")
def everything(stack):
    return Subscriber(stack, "everything", stack.outputs["ItemsTopic"])


@pytest.fixture(scope="module")
def over_rio(stack):
    return Subscriber(stack, "over-rio", stack.outputs["ItemsTopic"], RIO)


@pytest.fixture(scope="module")
def loader(stack):
    return Subscriber(stack, "loader", stack.outputs["ReprocessedItemsTopic"], raw=True)


@pytest.fixture
def topics(everything, over_rio, loader):
    """Nothing of an earlier test is in them."""
    for subscriber in (everything, over_rio, loader):
        subscriber.take()


def test_a_quicklook_becomes_an_item_catalogs_at_every_level_and_a_message(stack, everything, over_rio, topics):
    rio, elsewhere = OVER_RIO[0], ELSEWHERE[0]
    stack.supply(rio, elsewhere)
    for scene in (rio, elsewhere):
        stack.publish(announcement(scene))
    wait_until(lambda: stack.has(rio.item_key) and stack.has(elsewhere.item_key), 30, "the items are there")
    stack.settle()

    root = pystac.Catalog.from_file(f"{stack.url}catalog.json")
    found = [catalog for catalog, _, _ in root.walk()]
    assert {catalog.self_href.removeprefix(stack.url) for catalog in found} >= {
        "catalog.json", "CBERS4/catalog.json", "CBERS4/MUX/collection.json", "CBERS4/MUX/151/catalog.json",
        "CBERS4/MUX/151/126/catalog.json", "CBERS4/MUX/173/catalog.json", "CBERS4/MUX/173/104/catalog.json",
    }
    assert [catalog.id for catalog in found if isinstance(catalog, pystac.Collection)] == ["CBERS4-MUX"]
    item = catalog.item(stack.url, rio.item_key)
    assert (item.id, item.collection_id, item.stac_extensions != []) == (rio.id, "CBERS4-MUX", True)
    assert item.get_root().id == root.id
    catalog.assert_sound(stack, {rio.item_key, elsewhere.item_key})

    assert everything.ids(2) == sorted([rio.id, elsewhere.id])
    [message] = over_rio.wait(1)
    envelope = json.loads(message["Body"])
    published = json.loads(envelope["Message"])
    assert published["id"] == rio.id
    attributes = {name: (value["Type"], value["Value"]) for name, value in envelope["MessageAttributes"].items()}
    assert set(attributes) == {
        "properties.datetime", "bbox.ll_lon", "bbox.ll_lat", "bbox.ur_lon", "bbox.ur_lat", "links.self.href",
    }
    assert attributes["links.self.href"] == ("String", f"{stack.url}{rio.item_key}")
    assert {kind for name, (kind, _) in attributes.items() if name.startswith("bbox")} == {"Number"}
    assert float(attributes["bbox.ll_lon"][1]) <= -43.1729 <= float(attributes["bbox.ur_lon"][1])
    # It leaves the catalog with absolute links.
    assert all(link["href"].startswith("http") for link in published["links"])


def test_objects_have_the_types_that_browsers_need(stack):
    s3 = stack.client("s3")
    types = {
        key: s3.head_object(Bucket=stack.outputs["CatalogBucket"], Key=key)["ContentType"]
        for key in ("catalog.json", "CBERS4/MUX/collection.json", OVER_RIO[0].item_key)
    }
    assert types == {
        "catalog.json": "application/json", "CBERS4/MUX/collection.json": "application/json",
        OVER_RIO[0].item_key: "application/geo+json",
    }


def test_the_same_scene_twice_is_one_item_linked_once(stack, topics):
    scene = OVER_RIO[1]
    stack.supply(scene)
    for _ in range(2):
        stack.publish(announcement(scene))
    stack.send(announcement(scene), envelope(announcement(scene)))
    wait_until(lambda: stack.has(scene.item_key), 30, "the item is there")
    stack.settle()
    linked, _ = catalog.read(stack.url)
    assert linked[scene.item_key] == 1


def test_raw_messages_several_records_and_encoded_keys_are_understood(stack, topics):
    first, second, third = ELSEWHERE[1:4]
    stack.supply(first, second, third)
    # As S3 encodes keys: a slash may be %2F.
    encoded = record(second.bucket, quote(second.quicklook, safe=""))
    stack.send(
        event(record(first.bucket, first.quicklook), encoded), envelope(event(record(third.bucket, third.key))),
        json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "cbers-pds"}),
    )
    wait_until(lambda: all(stack.has(scene.item_key) for scene in (first, second, third)), 30, "the items are there")
    stack.settle()
    catalog.assert_sound(stack)
    assert stack.letters() == []


def test_a_reprocessed_item_goes_to_the_loaders_and_not_to_subscribers(stack, everything, loader, topics):
    scene = WIDE[0]
    stack.supply(scene)
    stack.send(event(record(scene.bucket, scene.key, reprocess=True, messageId="2026-01-01T00:00:00Z-1")))
    [message] = loader.wait(1)
    # Raw delivery keeps the attributes: there are at most ten.
    assert json.loads(message["Body"])["id"] == scene.id
    assert message["MessageAttributes"]["bbox.ll_lon"]["DataType"] == "Number"
    stack.settle()
    assert everything.take() == []
    # A later message for the same bytes has nothing to do.
    stack.send(event(record(scene.bucket, scene.key, reprocess=True, messageId="2026-01-02T00:00:00Z-1")))
    stack.settle()
    assert loader.take() == []


def test_a_removed_scene_is_withdrawn_and_its_withdrawal_published(stack, everything, topics):
    scene = ELSEWHERE[3]
    assert stack.has(scene.item_key)
    stack.publish(event(record(scene.bucket, scene.quicklook, "ObjectRemoved:Delete")))
    wait_until(lambda: not stack.has(scene.item_key), 30, "the item is gone")
    stack.settle()
    [message] = everything.wait(1)
    envelope = json.loads(message["Body"])
    withdrawal = json.loads(envelope["Message"])
    assert (withdrawal["type"], withdrawal["id"]) == ("Withdrawn", scene.id)
    assert envelope["MessageAttributes"]["event"]["Value"] == "withdrawn"
    catalog.assert_sound(stack)


def test_the_schedule_moves_marks_by_itself(stack):
    scene = OVER_RIO[2]
    stack.supply(scene)
    stack.publish(announcement(scene))
    stack.taken()
    assert stack.marks() == {scene.row}
    stack.set_schedule("ENABLED")
    wait_until(lambda: not stack.marks(), 90, "the schedule has moved the mark")
    stack.set_schedule("DISABLED")
    stack.settle()
    catalog.assert_sound(stack)


def test_logs_are_json_with_the_request_and_the_scene_and_hold_the_metrics(stack):
    lines = [json.loads(line) for line in stack.log_lines("GenerateStacItem") if line.startswith("{")]
    made = [line for line in lines if line.get("scene", "").endswith(f"{OVER_RIO[0].id}_BAND6.xml") or line.get("item") == OVER_RIO[0].item_key]
    assert made and all(line["span"]["requestId"] for line in made), made
    metrics = [line for line in lines if "_aws" in line]
    names = {metric["Name"] for line in metrics for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert names == {"ScenesMade", "ScenesUnchanged", "ScenesWithdrawn", "ScenesRefused", "ScenesReturned", "SecondsToItem"}
    assert sum(line["ScenesMade"][0] for line in metrics) >= 7
    assert sum(line["ScenesWithdrawn"][0] for line in metrics) == 1
    assert {line["Stack"] for line in metrics} == {"lazycat-e2e"}
    levels = [json.loads(line) for line in stack.log_lines("UpdateSingleCatalog") if line.startswith("{")]
    rebuilt = [line for line in levels if line.get("level") == OVER_RIO[0].row]
    assert rebuilt and all(line["span"]["requestId"] for line in rebuilt)
    assert any("SecondsToCatalog" in line for line in levels)
    moved = [json.loads(line) for line in stack.log_lines("MoveCatalogLevelKeys") if "OldestMarkAge" in line]
    assert moved
