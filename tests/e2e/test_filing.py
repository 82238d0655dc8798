"""file-stac-item as deployed: items of others, filed in a catalog of their own under its layout."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import boto3
import pystac
import pytest

import catalog
from conftest import ARCHITECTURE
from loaders import LoaderStack, build, created, item, publish, template_of, withdrawn
from stack import wait_until

BUCKET = "filing-e2e-catalog"
SOURCE = "filing-e2e-source"
TOPIC = "stac-items-of-others"
LAYOUT = "{collection}/{year}/{properties.grid:code}"
TITLE = "Scenes of others"


def test_linters_are_content():
    run = subprocess.run([Path(sys.executable).parent / "cfn-lint", template_of("file-stac-item")], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture(scope="module")
def filed(deployed, tmp_path_factory):
    """A catalog with a layout and no topic of scenes, and a stack that files what comes for it."""
    stack = deployed.beside("lazycat-filed", BUCKET)
    # A parameter that is not to be empty would take an empty one for no parameter.
    stack.deploy(ARCHITECTURE, '""', Layout=LAYOUT, CatalogTitle=f'"{TITLE}"')
    stack.allow_plain_http()
    stack.set_schedule("DISABLED")
    topic = stack.client("sns").create_topic(Name=TOPIC)["TopicArn"]
    stack.client("s3").create_bucket(Bucket=SOURCE)
    filer = LoaderStack(stack, "filer", "FileStacItem")
    outputs = {name: stack.outputs[name] for name in ("CatalogBucket", "DirtyLevels", "FiledItems", "ItemsTopic")}
    filer.deploy(
        build(stack, "file-stac-item", tmp_path_factory.mktemp("filing"), ARCHITECTURE), Architecture=ARCHITECTURE, Topic=topic,
        Layout=LAYOUT, CatalogTitle=TITLE, PublicUrl=stack.url, AllowedBuckets=SOURCE, **outputs,
    )
    stack.allow_batches_of(filer.role("FileStacItemRole"))
    stack.filer = filer
    yield stack
    stack.forbid_batches_of(filer.role("FileStacItemRole"))
    filer.delete()
    stack.delete()


def made(identifier: str, date: str = "2020-05-17", grid: str = "MGRS-32TQM", collection: str = "others", **properties) -> dict:
    return item(collection, identifier, datetime=f"{date}T13:04:05Z", **{"grid:code": grid}, **properties)


def settle(stack):
    wait_until(lambda: stack.filer.waiting() == 0, 60, lambda: "\n".join(stack.filer.log_lines()[-5:]))
    stack.settle()


def test_items_of_a_topic_are_filed_linked_and_published(filed):
    client = filed.client("sqs")
    queue = client.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    client.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    filed.client("sns").subscribe(TopicArn=filed.outputs["ItemsTopic"], Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    topic = filed.client("sns").create_topic(Name=TOPIC)["TopicArn"]

    strange = {"title": "Ä/ö", "answer": 42.0, "deep": {"list": [1, 1.0, None, {"x": 1e300}]}}
    wanted = {}
    for number in range(24):
        made_item = made(f"scene {number:02}", f"20{20 + number % 2}-05-17", grid=f"MGRS-32TQ{'MN'[number % 3 == 0]}", **strange)
        wanted[made_item["id"]] = made_item
        publish(filed, topic, made_item, "others")
    wait_until(lambda: len(items(filed)) == len(wanted), 60, lambda: "\n".join(filed.filer.log_lines()[-5:]))
    settle(filed)

    assert filed.filer.letters() == []
    catalog.assert_sound(filed)
    assert set(filed.keys()) >= {
        "catalog.json", "others/collection.json", "others/2020/catalog.json", "others/2021/MGRS-32TQM/catalog.json",
        "others/2020/MGRS-32TQM/scene%2002.json",
    }
    root = pystac.Catalog.from_file(f"{filed.url}catalog.json")
    assert root.title == TITLE
    [collection] = root.get_children()
    assert (collection.id, type(collection)) == ("others", pystac.Collection)
    assert [start.year for start in collection.extent.temporal.intervals[0]] == [2020, 2021]
    for found in root.get_items(recursive=True):
        stored = wanted.pop(found.id)
        # Unknown fields survive, value for value, and as they were written: 42.0 is no 42.
        assert json.dumps(filed.document(key(found))["properties"], sort_keys=True) == json.dumps(stored["properties"], sort_keys=True)
    assert wanted == {}

    told = []
    wait_until(lambda: told.extend(taken(client, queue)) or len(told) >= 24, 30, lambda: f"{len(told)} of 24 publications")
    assert {json.loads(message)["id"] for message in told} == {f"scene {number:02}" for number in range(24)}
    assert all(link["href"].startswith("http") for message in told for link in json.loads(message)["links"])


def test_an_object_of_a_bucket_moves_when_its_date_is_corrected_and_goes_when_it_is_withdrawn(filed):
    source = filed.client("s3")
    for date in ("2019-01-01", "2018-01-01"):
        source.put_object(Bucket=SOURCE, Key="moved.json", Body=json.dumps(made("moved", date)))
        filed.filer.send(created(SOURCE, "moved.json").replace("2026-01-01", f"2026-01-{3 if date < '2019' else 2:02}"))
        year = date[:4]
        wait_until(lambda: filed.has(f"others/{year}/MGRS-32TQM/moved.json"), 60, lambda: "\n".join(filed.filer.log_lines()[-5:]))
        settle(filed)
        catalog.assert_sound(filed)
    assert [each for each in filed.keys() if "moved" in each] == ["others/2018/MGRS-32TQM/moved.json"]
    filed.filer.send(withdrawn("others", "moved"))
    wait_until(lambda: not any("moved" in each for each in filed.keys()), 60, lambda: "\n".join(filed.filer.log_lines()[-5:]))
    settle(filed)
    catalog.assert_sound(filed)


def test_what_cannot_be_filed_is_a_dead_letter_with_its_reason_and_nothing_is_written_for_it(filed):
    before = set(filed.keys())
    escaping = made("escaping", grid="../../other")
    missing = item("others", "missing")
    refused = {
        "no-json": "hello", "foreign": created("bucket-of-somebody", "a.json"), "missing": json.dumps(missing),
        "long": json.dumps(made("long", grid="x" * 10_000)), "satellite": json.dumps(made("s", collection="CBERS4")),
    }
    for body in [*refused.values(), json.dumps(escaping)]:
        filed.filer.send(body)
    letters = []
    wait_until(lambda: letters.extend(filed.filer.letters()) or len(letters) >= len(refused), 60, lambda: f"{letters}")
    settle(filed)
    assert len(letters) == len(refused) and all(letter["reason"] and letter["detail"] for letter in letters), letters
    # A slash is no way out: it is a part of the folder's name.
    assert set(items(filed)) - before == {"others/2020/%2E.%2F..%2Fother/escaping.json"}
    catalog.assert_sound(filed)


def test_two_sources_of_one_id_are_told_apart(filed):
    source = filed.client("s3")
    for name, title in (("one.json", "first"), ("two.json", "second")):
        source.put_object(Bucket=SOURCE, Key=name, Body=json.dumps(made("both", title=title)))
        filed.filer.send(created(SOURCE, name))
        wait_until(lambda: filed.has("others/2020/MGRS-32TQM/both.json"), 60, "the first is filed")
        settle(filed)
    [letter] = wait_until(filed.filer.letters, 60, "the dead letter is there")
    assert letter["reason"] == "twice" and "one.json" in letter["detail"] and "two.json" in letter["detail"]
    assert filed.document("others/2020/MGRS-32TQM/both.json")["properties"]["title"] == "first"


def test_an_audit_knows_the_folders_of_the_layout(filed):
    settle(filed)
    answer = filed.client("lambda").invoke(FunctionName=filed.outputs["AuditCatalog"], Payload=json.dumps({"source": False}))
    report = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    assert report["drifted"] == 0, report


def items(stack) -> list[str]:
    return [each for each in stack.keys() if not each.endswith(("catalog.json", "collection.json"))]


def key(found: pystac.Item) -> str:
    return unquote(found.self_href.split(f"/{BUCKET}/", 1)[1])


def taken(client: "boto3.client", queue: str) -> list[str]:
    found = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    for message in found:
        client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in found]
