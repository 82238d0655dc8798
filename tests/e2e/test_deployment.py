"""The stack as it was deployed, and functions that are configured wrongly."""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from botocore import UNSIGNED
from botocore.config import Config
import boto3

from emulator import REGION
from stack import BUCKET, DEAD_LETTERS, FUNCTIONS, QUEUES


def status(url: str, method: str = "GET") -> int:
    request = urllib.request.Request(url, data=b"{}" if method == "PUT" else None, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_outputs_name_everything_that_others_need(deployed):
    assert set(deployed.outputs) == {
        "CatalogUrl", "CatalogBucket", "ItemsTopic", "ReprocessedItemsTopic", "DirtyLevels", "AlarmTopic",
        *QUEUES, *DEAD_LETTERS, *FUNCTIONS,
    }
    assert deployed.outputs["CatalogUrl"] == f"{deployed.url}catalog.json"


def test_the_mover_is_called_every_minute(deployed):
    group, _, name = deployed.resources()["MoveCatalogLevelKeysTick"].rpartition("/")
    schedule = deployed.client("scheduler").get_schedule(Name=name or group)
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(1 minute)", "ENABLED")
    function = deployed.client("lambda").get_function(FunctionName=deployed.outputs["MoveCatalogLevelKeys"])
    assert schedule["Target"]["Arn"] == function["Configuration"]["FunctionArn"]


def test_the_bucket_is_not_reached_over_plain_http(deployed):
    deployed.client("s3").put_object(Bucket=BUCKET, Key="probe.txt", Body=b"")
    assert status(f"{deployed.url}probe.txt") == 403
    deployed.client("s3").delete_object(Bucket=BUCKET, Key="probe.txt")


def test_anybody_reads_objects_and_does_nothing_else(stack):
    stack.client("s3").put_object(Bucket=BUCKET, Key="probe.txt", Body=b"")
    assert status(f"{stack.url}probe.txt") == 200
    assert status(f"{stack.url}probe.txt", "PUT") == 403
    assert status(f"{stack.url}probe.txt", "DELETE") == 403
    assert status(f"{stack.url}?list-type=2") == 403
    stack.client("s3").delete_object(Bucket=BUCKET, Key="probe.txt")


@contextmanager
def environment(stack, function: str, **changes: str | None):
    """A function with other variables; None takes one away."""
    client, name = stack.client("lambda"), stack.outputs[function]
    before = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    changed = {key: value for key, value in (before | changes).items() if value is not None}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
    try:
        yield client, name
    finally:
        client.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def test_every_fault_of_a_configuration_is_told_when_the_function_starts(stack):
    with environment(stack, "MoveCatalogLevelKeys", LAZYCAT_STACK=None, LAZYCAT_LEVELS_QUEUE_URL="levels") as (client, name):
        answer = client.invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" in answer
    # What the function has printed before it ended.
    told = json.loads(answer["Payload"].read())["errorMessage"]
    error = json.loads(told[told.index("{") : told.rindex("}") + 1])["error"]
    assert "LAZYCAT_STACK is missing, expected the name of the stack" in error
    assert 'LAZYCAT_LEVELS_QUEUE_URL is "levels", expected the URL of the queue of levels' in error
    stack.tick()


def test_a_table_that_does_not_exist_fails_the_mover_and_is_named(stack):
    with environment(stack, "MoveCatalogLevelKeys", LAZYCAT_DIRTY_LEVELS_TABLE="no-such-table") as (client, name):
        answer = client.invoke(FunctionName=name, Payload=b"{}")
        assert "FunctionError" in answer
        assert "no-such-table" in json.loads(answer["Payload"].read())["errorMessage"]
    stack.tick()


@pytest.mark.parametrize("function", ("GenerateStacItem", "UpdateSingleCatalog"))
@pytest.mark.parametrize("payload", ("{}", '{"Records": []}', '{"Records": [{"body": "{}"}]}', "[]"))
def test_an_event_that_is_no_batch_of_a_queue_fails(stack, function, payload):
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs[function], Payload=payload.encode())
    assert "FunctionError" in answer, answer["Payload"].read()


def test_strangers_cannot_send_subscribe_or_read_the_table(stack):
    stranger = lambda service: boto3.client(  # noqa: E731
        service, endpoint_url=stack.emulator.url, region_name=REGION, config=Config(signature_version=UNSIGNED)
    )
    for call in (
        lambda: stranger("sqs").send_message(QueueUrl=stack.outputs["ScenesQueue"], MessageBody="{}"),
        lambda: stranger("sns").subscribe(
            TopicArn=stack.outputs["ReprocessedItemsTopic"], Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q"
        ),
        lambda: stranger("dynamodb").scan(TableName=stack.outputs["DirtyLevels"]),
    ):
        with pytest.raises(Exception, match="(?i)denied|authoriz|credential|token"):
            call()
