"""All scenes of a bucket once more: every one is sent, made and linked, also when the function dies over it."""

import json

import catalog
import pytest
from recorder import Rule
from scenes import fixtures
from stack import wait_until
from test_faults import kill

SCENES = fixtures("AMAZONIA1/**/*.xml")
PREFIX, BUCKET = "AMAZONIA1/", "amazonia-pds"


def invoke(stack, **event):
    """The function's answer, or its error."""
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["GenerateSceneMessages"], Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    return payload["errorMessage"] if "FunctionError" in answer else payload


def puts(stack, mark: int) -> int:
    """How many items were written since."""
    keys = {scene.item_key for scene in SCENES}
    return sum(request.operation == "Put" and request.key in keys for request in stack.recorder.since(mark))


def test_a_job_sends_every_scene_and_the_catalog_links_each(stack):
    stack.supply(*SCENES)
    stack.client("s3").put_object(Bucket=BUCKET, Key="AMAZONIA1/index.xml", Body=b"<none/>")
    new = [scene for scene in SCENES if not stack.has(scene.item_key)]
    mark = stack.recorder.mark()
    answer = invoke(stack, bucket=BUCKET, prefix=PREFIX)
    assert answer["finished"] is True
    assert answer["counts"] == {"sent": len(SCENES), "older": 0, "without_metadata": 0, "refused": 1}
    assert stack.recorder.count(mark)["s3 List"] == 1
    stack.settle()
    assert puts(stack, mark) == len(new) > 40, "one that is there already, the same, is not written again"
    linked, _ = catalog.read(stack.url)
    assert all(linked[scene.item_key] == 1 for scene in SCENES)
    assert not any(key.startswith(".") for key in stack.marks()), "the checkpoint of a job that has ended is gone"
    assert stack.letters() == []


def test_another_job_writes_no_item_again_unless_it_is_forced(stack):
    before = {scene.item_key: stack.document(scene.item_key) for scene in SCENES}
    mark = stack.recorder.mark()
    assert invoke(stack, bucket=BUCKET, prefix=PREFIX)["counts"]["sent"] == len(SCENES)
    stack.settle()
    assert puts(stack, mark) == 0
    assert invoke(stack, bucket=BUCKET, prefix=PREFIX, force=True)["counts"]["sent"] == len(SCENES)
    stack.settle()
    assert puts(stack, mark) == len(SCENES)
    assert {key: stack.document(key) for key in before} == before


def test_only_metadata_that_was_written_since_is_sent(stack):
    answer = invoke(stack, bucket=BUCKET, prefix=PREFIX, since="2099-01-01T00:00:00Z")
    assert answer["counts"] == {"sent": 0, "older": len(SCENES), "without_metadata": 0, "refused": 1}


def test_a_job_that_was_killed_is_resumed_and_a_mover_leaves_its_checkpoint_alone(stack):
    held = stack.recorder.rule(Rule(lambda request: request.operation == "SendMessageBatch", times=1))
    event = json.dumps({"bucket": BUCKET, "prefix": PREFIX, "force": True}).encode()
    name = stack.outputs["GenerateSceneMessages"]
    stack.client("lambda").invoke(FunctionName=name, Payload=event, InvocationType="Event")
    wait_until(held.caught.is_set, 30, "messages are sent")
    kill(stack, "GenerateSceneMessages")
    stack.recorder.forget_rules()
    stack.taken()
    assert ".checkpoint/reprocess" in stack.marks()
    stack.tick()
    assert ".checkpoint/reprocess" in stack.marks()

    other = invoke(stack, bucket=BUCKET, prefix="AMAZONIA1/WFI/")
    assert "is under way for s3://amazonia-pds/AMAZONIA1/" in other

    mark = stack.recorder.mark()
    answer = invoke(stack, resume=True)
    assert (answer["finished"], answer["counts"]["sent"]) == (True, len(SCENES))
    stack.settle()
    assert puts(stack, mark) == len(SCENES)
    assert invoke(stack, resume=True) is None
    catalog.assert_sound(stack)


@pytest.mark.parametrize(
    ("event", "told"),
    (
        ({"bucket": BUCKET, "prefix": "AMAZONIA-1/"}, 'no key of the bucket amazonia-pds starts with "AMAZONIA-1/"'),
        ({"bucket": "lazycat-e2e-catalog"}, "expected one of the stack's source buckets: cbers-pds, amazonia-pds"),
        ({"prefix": PREFIX}, "the event names no bucket"),
        ({}, "the event asks for nothing"),
        ({"bucket": BUCKET, "since": "yesterday"}, "the event is not understood"),
    ),
)
def test_a_request_that_cannot_be_met_is_refused_and_leaves_nothing_behind(stack, event, told):
    assert told in invoke(stack, **event)
    assert not stack.marks() and stack.waiting("ScenesQueue") == 0
