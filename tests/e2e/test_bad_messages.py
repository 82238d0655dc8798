"""Messages that cannot be worked on: each ends as one dead letter with its reason, and its neighbours are made."""

import json
from datetime import datetime

import catalog
import pytest
from scenes import Scene, announcement, envelope, event, fixtures, record
from stack import wait_until

GOOD = fixtures("CBERS4/MUX/17[0-9]/**/*.xml")[4:10]
SPARE = fixtures("CBERS4A/MUX/**/*.xml")
EMPTY, DAMAGED, HUGE, GONE, FORBIDDEN, LYING = SPARE[:6]
WRONG_ROW = LYING.key.replace(f"/{LYING.row.rpartition('/')[2]}/", "/999/", 1)

# What is sent, and the reason and a part of the detail that its dead letter carries.
PERMANENT = {
    "no JSON": ("{", "message", "no S3 event in JSON"),
    "a text": ("quicklook.jpg", "message", "no S3 event in JSON"),
    "an envelope without Message": (json.dumps({"Type": "Notification"}), "message", "no Message"),
    "an envelope of something else": (envelope("hello"), "message", "Message of the SNS envelope"),
    "no records": (json.dumps({"Records": []}), "message", "empty list of Records"),
    "a key of another shape": (event(record("cbers-pds", "a/b/c.txt")), "key", "a/b/c.txt"),
    "an unknown bucket": (event(record("their-pds", SPARE[6].quicklook)), "unknown-bucket", "their-pds"),
    "an empty file": (announcement(EMPTY), "empty", "empty"),
    "a damaged file": (announcement(DAMAGED), "not-xml", "not well-formed"),
    "a file over the limit": (announcement(HUGE), "too-large", "expected at most"),
    "a scene in another row's folder": (event(record("cbers-pds", WRONG_ROW)), "key", "999"),
}
PASSING = {
    "an object that is gone": (announcement(GONE), "not-found", GONE.id),
    "an object that is forbidden": (announcement(FORBIDDEN), "no-permission", FORBIDDEN.id),
}


@pytest.fixture(scope="module")
def letters(stack) -> dict[str, list[dict]]:
    """Sends all of it among good ones; gives the dead letters by body. What may pass is tried five times."""
    sources = stack.client("s3")
    stack.supply(*GOOD, FORBIDDEN, Scene(EMPTY.key, b""), Scene(DAMAGED.key, DAMAGED.xml[:500]), LYING)
    sources.put_object(Bucket=HUGE.bucket, Key=HUGE.key, Body=b" " * (64 * 1024 * 1024))
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::cbers-pds/{FORBIDDEN.key}",
    }
    sources.put_bucket_policy(
        Bucket="cbers-pds", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    bad = [body for body, _, _ in (PERMANENT | PASSING).values()]
    mixed = bad[:]
    for at, scene in enumerate(GOOD):
        mixed.insert(2 * at, announcement(scene))
    with stack.visibility(3):
        stack.send(*mixed)
        stack.settle(90)
    found: dict[str, list[dict]] = {}
    for letter in stack.letters():
        found.setdefault(letter["body"], []).append(letter)
    sources.delete_bucket_policy(Bucket="cbers-pds")
    return found


def test_their_neighbours_are_made(stack, letters):
    linked, _ = catalog.read(stack.url)
    assert [linked[scene.item_key] for scene in GOOD] == [1] * len(GOOD)


@pytest.mark.parametrize("what", PERMANENT)
def test_a_message_that_can_never_be_worked_on_is_a_dead_letter_at_once(letters, what):
    body, reason, says = PERMANENT[what]
    [letter] = letters.pop(body)
    assert (letter["reason"], letter["attempts"]) == (reason, "1"), letter
    assert says in letter["detail"]
    assert datetime.fromisoformat(letter["first"]) <= datetime.fromisoformat(letter["last"])


@pytest.mark.parametrize("what", PASSING)
def test_what_may_pass_is_tried_five_times_first(letters, what):
    body, reason, says = PASSING[what]
    [letter] = letters.pop(body)
    assert (letter["reason"], letter["attempts"]) == (reason, "5"), letter
    assert says in letter["detail"]


def test_there_are_no_other_dead_letters(letters):
    assert letters == {}


def test_a_level_that_is_none_is_a_dead_letter_too(stack):
    known = json.dumps({"level": GOOD[0].row, "since": "2026-01-01T00:00:00Z"})
    unknown = json.dumps({"level": "LANDSAT9", "since": "2026-01-01T00:00:00Z"})
    revision = stack.document(f"{GOOD[0].row}/catalog.json")["lazycat:revision"]
    stack.send("[]", unknown, known, queue="LevelsQueue")
    wait_until(lambda: stack.waiting("LevelsQueue") == 0, 30, "the levels are worked on")
    found = {letter["body"]: letter["reason"] for letter in stack.letters("LevelsDeadLetters")}
    assert found == {"[]": "message", unknown: "level"}
    assert stack.document(f"{GOOD[0].row}/catalog.json")["lazycat:revision"] == revision + 1
