"""The operator's commands on the deployed stack, found by its name: status, redrive, reprocess."""

import json
import subprocess
from datetime import datetime

import catalog
from scenes import ROOT, announcement, fixtures
from stack import BUCKET, NAME

SCENES = fixtures("CBERS4/AWFI/**/*.xml")[:4]
LATE, GOOD = SCENES[0], SCENES[1]
# The exit code of an audit that has found some.
DRIFT = 4


def run(stack, *arguments: str, code: int = 0, **environment: str):
    """Runs the command on the stack; gives what it printed: JSON, or what it told when it failed."""
    known = stack.emulator.environment() | environment
    ran = subprocess.run(
        [ROOT / "target/debug/lazycat", *arguments, "--json"], env=known, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return json.loads(ran.stdout) if code in (0, DRIFT) else ran.stderr


def test_a_refused_scene_is_listed_shown_and_put_back_when_its_reason_is_cleared(stack):
    stack.letters()
    stack.letters("LevelsDeadLetters")
    stack.send("hello", announcement(GOOD))
    stack.supply(GOOD)
    # Tried five times, a few seconds apart.
    with stack.visibility(2):
        stack.send(announcement(LATE))
        stack.settle(90)

    status = run(stack, "status", "--stack", NAME)
    scenes, levels = status["queues"]
    assert (scenes["dead_letters"], levels["dead_letters"], scenes["visible"], status["marks"]["count"]) == (2, 0, 0, 0)
    assert {reason["reason"]: reason["count"] for reason in scenes["reasons"]} == {"message": 1, "not-found": 1}
    assert status["items"]["cameras"]["CBERS4-AWFI"]["items"] >= 1
    assert status["items"]["last_hour"] == status["items"]["count"] > 0

    groups = {group["reason"]: group for group in run(stack, "redrive", "--stack", NAME)["queues"][0]["groups"]}
    assert (groups["message"]["foreign"], groups["not-found"]["foreign"]) == (1, 0)
    letter = run(stack, "redrive", "--stack", NAME, "--show", groups["not-found"]["example"]["id"])
    assert (letter["attempts"], letter["body"]) == (5, announcement(LATE))
    assert LATE.id in letter["detail"]
    assert datetime.fromisoformat(letter["first"]) < datetime.fromisoformat(letter["last"])

    stack.supply(LATE)
    scenes, _ = run(stack, "redrive", "--stack", NAME, "--all")["queues"]
    assert (scenes["done"], scenes["foreign"]) == (1, 1)
    stack.settle()
    linked, _ = catalog.read(stack.url)
    assert linked[LATE.item_key] == 1
    assert run(stack, "redrive", "--stack", NAME, "--discard", "--all")["queues"][0]["done"] == 1
    assert stack.waiting("ScenesDeadLetters") == 0


def test_a_letter_that_is_refused_again_keeps_its_first_time(stack):
    stack.send(json.dumps({"Records": []}))
    stack.settle()
    [group] = run(stack, "redrive", "--stack", NAME)["queues"][0]["groups"]
    before = run(stack, "redrive", "--stack", NAME, "--show", group["example"]["id"])
    assert run(stack, "redrive", "--stack", NAME, "--id", group["example"]["id"])["queues"][0]["done"] == 1
    stack.settle()
    [letter] = stack.letters()
    assert datetime.fromisoformat(letter["first"]) == datetime.fromisoformat(before["first"])
    assert datetime.fromisoformat(letter["last"]) > datetime.fromisoformat(before["last"])


def test_letters_of_levels_carry_all_that_is_known_too(stack):
    stack.send("[]", queue="LevelsQueue")
    stack.settle()
    [letter] = stack.letters("LevelsDeadLetters")
    assert (letter["reason"], letter["attempts"]) == ("message", "1")
    assert letter["detail"] and letter["first"] <= letter["last"]


def test_scenes_of_a_prefix_are_made_again_from_here(stack):
    stack.supply(*SCENES)
    prefix = "CBERS4/AWFI/"
    assert run(stack, "reprocess", "--stack", NAME, "--prefix", prefix, "--dry-run")["scenes"]["sent"] >= len(SCENES)
    assert stack.waiting("ScenesQueue") == 0
    done = run(stack, "reprocess", "--stack", NAME, "--prefix", prefix)
    assert done["scenes"]["sent"] >= len(SCENES)
    stack.settle()
    linked, _ = catalog.read(stack.url)
    assert all(linked[scene.item_key] == 1 for scene in SCENES)
    assert not any(key.startswith(".") for key in stack.marks()), "the checkpoint of a job that has ended is gone"


def test_what_cannot_be_found_or_done_is_told(stack):
    told = run(stack, "status", "--stack", "no-such-stack", code=1)
    assert "there is no stack no-such-stack in" in told and "list-stacks" in told
    told = run(stack, "reprocess", "--stack", NAME, "--prefix", "CBERS4/AWFI/x", code=1)
    assert "starts with \"CBERS4/AWFI/x\"" in told
    told = run(stack, "reprocess", BUCKET, "--stack", NAME, code=1)
    assert "expected one of the stack's source buckets" in told
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    told = run(stack, "status", "--stack", NAME, code=1, **nothing)
    assert "there are no AWS credentials" in told and "AWS_PROFILE" in told


def test_a_stack_is_audited_from_a_terminal_and_what_is_found_repaired_through_its_queues(stack):
    stack.supply(*SCENES)
    run(stack, "reprocess", SCENES[0].bucket, "--stack", NAME, "--prefix", "CBERS4/AWFI/")
    stack.settle()
    audit = ("audit", "--stack", NAME, "--prefix", "CBERS4/AWFI", "--grace", "2", "--content", "full")
    sound = run(stack, *audit)
    assert sound["drifted"] == 0 and sound["looked"]["compared"] == sound["looked"]["items"] >= len(SCENES)

    s3 = stack.client("s3")
    s3.delete_object(Bucket=BUCKET, Key=GOOD.item_key)
    found = run(stack, *audit, code=DRIFT)
    assert {name: group["count"] for name, group in found["drift"].items()} == {
        "source-without-item": 1, "link-without-object": 1,
    }
    assert stack.marks() == set() and stack.waiting("ScenesQueue") == 0, "it only tells"
    alone = run(stack, "audit", "--stack", NAME, "--prefix", "CBERS4/AWFI", "--grace", "2", "--without-source", code=DRIFT)
    assert list(alone["drift"]) == ["link-without-object"] and alone["looked"]["scenes"] == 0

    repaired = run(stack, *audit, "--repair", code=DRIFT)
    assert repaired["repairs"]["scenes"] == 1 and repaired["dry_run"] is False
    stack.settle()
    assert stack.has(GOOD.item_key)
    assert run(stack, *audit)["drifted"] == 0
    catalog.assert_sound(stack)


def test_an_audit_of_a_stack_that_is_not_there_says_so(stack):
    assert "there is no stack elsewhere" in run(stack, "audit", "--stack", "elsewhere", code=1)
    assert "--stack" in run(stack, "audit", ".", "--stack", NAME, code=2)
