"""Things that fail and come back: nothing is lost, and nobody has to help."""

import json
import os
import signal
import subprocess

import catalog
import pytest
from recorder import SLOW_DOWN, Rule
from scenes import ROOT, announcement, event, fixtures, record
from stack import BUCKET, wait_until

SCENES = iter(fixtures("CBERS4/PAN10M/154/**/*.xml") + fixtures("CBERS4/PAN10M/158/**/*.xml"))


def kill(stack, function: str):
    """Ends the running instances of a function, as nothing but SIGKILL does."""
    pids = stack.emulator.processes_of(stack.outputs[function])
    assert pids, f"{function} is not running"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


# Where a function is when it dies: at a request that it has sent and that never arrives.
MOMENTS = {
    "before its put": ("GenerateStacItem", lambda scene, request: (request.operation, request.key) == ("Put", scene.item_key)),
    "between put and mark": ("GenerateStacItem", lambda _, request: request.operation == "UpdateItem"),
    "between mark and publication": ("GenerateStacItem", lambda _, request: request.service == "sns"),
    "before a catalog is written": (
        "UpdateSingleCatalog", lambda scene, request: (request.operation, request.key) == ("Put", f"{scene.row}/catalog.json"),
    ),
    "before it looks at the parent": (
        "UpdateSingleCatalog",
        lambda scene, request: (request.operation, request.key) == ("Get", f"{scene.row.rpartition('/')[0]}/catalog.json"),
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_function_killed_in_the_middle_loses_nothing(stack, moment):
    function, matches = MOMENTS[moment]
    scene = next(SCENES)
    stack.supply(scene)
    with stack.visibility(3):
        held = stack.recorder.rule(Rule(lambda request: matches(scene, request), times=1))
        stack.publish(announcement(scene))
        if function == "UpdateSingleCatalog":
            stack.taken()
            stack.tick()
        wait_until(held.caught.is_set, 30, "the request has come")
        kill(stack, function)
        stack.recorder.forget_rules()
        stack.settle(60)
    linked, _ = catalog.read(stack.url)
    assert linked[scene.item_key] == 1
    assert stack.letters() == stack.letters("LevelsDeadLetters") == []


def test_a_mover_killed_between_send_and_delete_loses_nothing(stack):
    scene = next(SCENES)
    stack.supply(scene)
    stack.publish(announcement(scene))
    stack.taken()
    held = stack.recorder.rule(Rule(lambda request: request.operation == "DeleteItem", times=1))
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["MoveCatalogLevelKeys"], Payload=b"{}", InvocationType="Event"
    )
    assert answer["StatusCode"] == 202
    wait_until(held.caught.is_set, 30, "the mark is about to be deleted")
    kill(stack, "MoveCatalogLevelKeys")
    stack.recorder.forget_rules()
    assert scene.row in stack.marks()
    stack.settle()
    linked, _ = catalog.read(stack.url)
    assert linked[scene.item_key] == 1


def test_an_unwritable_bucket_that_comes_back_gets_everything(stack):
    scenes = [next(SCENES) for _ in range(3)]
    stack.supply(*scenes)
    s3 = stack.client("s3")
    before = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])
    deny = {
        "Sid": "Closed", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(before | {"Statement": before["Statement"] + [deny]}))
    with stack.visibility(3):
        mark = stack.recorder.mark()
        stack.send(*map(announcement, scenes))
        puts = lambda: [request for request in stack.recorder.since(mark) if request.operation == "Put"]  # noqa: E731
        wait_until(lambda: len(puts()) > len(scenes), 30, "they were tried again")
        assert not any(stack.has(scene.item_key) for scene in scenes)
        assert not stack.marks(), "what is not written is not marked"
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(before))
        stack.settle(60)
    linked, _ = catalog.read(stack.url)
    assert [linked[scene.item_key] for scene in scenes] == [1, 1, 1]
    assert stack.letters() == []


def test_throttling_is_waited_out(stack):
    scene = next(SCENES)
    stack.supply(scene)
    rule = stack.recorder.rule(
        Rule(lambda request: request.service == "s3" and request.operation in ("Get", "Put"), answer=SLOW_DOWN, times=3)
    )
    with stack.visibility(3):
        stack.publish(announcement(scene))
        wait_until(lambda: stack.has(scene.item_key), 30, "the item is there")
        stack.settle()
    assert rule.seen == 3
    linked, _ = catalog.read(stack.url)
    assert linked[scene.item_key] == 1


def test_a_message_whose_dead_letter_is_not_taken_comes_back(stack):
    """Never acknowledged on the strength of a burial that did not happen."""
    body = event(record("their-pds", "CBERS4/MUX/151/126/x/y.jpg"))
    with stack.visibility(2):
        rule = stack.recorder.rule(
            Rule(lambda request: request.service == "sqs" and request.operation == "SendMessage", answer=SLOW_DOWN)
        )
        stack.send(body)
        wait_until(rule.caught.is_set, 30, "it was tried")
        assert stack.waiting("ScenesQueue") == 1
        stack.recorder.forget_rules()
        stack.taken()
    [letter] = stack.letters()
    assert (letter["body"], letter["reason"]) == (body, "unknown-bucket")


def test_after_all_of_it_the_catalog_is_sound(stack):
    stack.settle()
    catalog.assert_sound(stack)


def test_after_all_of_it_the_catalog_equals_one_that_was_made_undisturbed(stack, tmp_path):
    """By `lazycat run` from the same metadata: items byte for byte, documents but for their revision."""
    camera, source, made = "CBERS4/PAN10M/", tmp_path / "source", tmp_path / "catalog"
    s3 = stack.client("s3")
    standing = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in stack.keys(camera)}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="cbers-pds", Prefix=camera)
    for key in (entry["Key"] for page in pages for entry in page.get("Contents", [])):
        scene = key.rpartition("/")[0]
        if key.endswith(".xml") and f"{scene}.json" in standing:
            file = source / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(s3.get_object(Bucket="cbers-pds", Key=key)["Body"].read())
    command = [ROOT / "target/debug/lazycat", "run", source, "--catalog", made]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    expected = {str(file.relative_to(made)): file.read_bytes() for file in (made / camera).rglob("*.json")}

    def comparable(key: str, content: bytes):
        if not key.endswith(("/catalog.json", "/collection.json")):
            return content
        return {field: value for field, value in json.loads(content).items() if field != "lazycat:revision"}

    assert len(expected) > 10 and set(standing) == set(expected)
    for key, content in expected.items():
        assert comparable(key, standing[key]) == comparable(key, content), key
