"""A thousand scenes and more through the queue, and what they cost: requests, counted."""

import random
import subprocess
from collections import Counter

import catalog
import pytest
from scenes import ROOT, announcement, made
from stack import BUCKET, wait_until

# One row of more than a page of a listing, and some of usual size.
LONG_ROW, SMALL_ROWS, A_ROW = 1_040, 8, 20


def test_a_thousand_scenes_are_made_and_linked_once_each_for_so_many_requests(stack, tmp_path, capsys):
    stack.settle()
    before = set(stack.keys())
    scenes = made(tmp_path / "long", "CBERS4A-WPM", LONG_ROW, LONG_ROW)
    scenes += made(tmp_path / "small", "CBERS4A-WFI", SMALL_ROWS * A_ROW, A_ROW)
    rows = {scene.row for scene in scenes}
    assert len(rows) == 1 + SMALL_ROWS and len(scenes) == LONG_ROW + SMALL_ROWS * A_ROW
    seed = 20_261_121
    random.Random(seed).shuffle(scenes)
    stack.supply(*scenes)

    start = stack.recorder.mark()
    stack.send(*map(announcement, scenes))
    stack.taken(180)
    generated = stack.recorder.since(start)
    per_scene = Counter(f"{request.service} {request.operation}" for request in generated)
    marks, published = per_scene["dynamodb UpdateItem"], sum(r.entries for r in generated if r.service == "sns")
    assert stack.marks() == rows, "each row is marked once, however many scenes it has"

    start = stack.recorder.mark()
    stack.settle(120)
    updated = stack.recorder.since(start)
    per_level = Counter(f"{request.service} {request.operation}" for request in updated)
    documents = set(stack.keys()) - before - {scene.item_key for scene in scenes}
    levels = sum(request.entries for request in updated if request.operation == "SendMessageBatch")
    pages = sum(1 for request in updated if request.operation == "List")
    puts = Counter(request.key for request in updated if request.operation == "Put")

    with capsys.disabled():
        print(f"\n{len(scenes)} scenes (seed {seed}): {requests(per_scene)}; {published} publications")
        print(f"{levels} rebuilds of {len(documents)} new levels and those above: {requests(per_level)}")

    # A scene: 1 GET, 1 PUT, at most 1 mark, at most 1 publication. What is delivered twice would be done twice.
    assert (per_scene["s3 Get"], per_scene["s3 Put"]) == (len(scenes), len(scenes))
    assert per_scene["s3 Head"] == per_scene["s3 List"] == 0
    assert marks <= len(scenes) and published == len(scenes)
    # A level: 2 GET, 1 LIST for a thousand entries, at most 1 PUT, and 1 HEAD for a child that is new.
    roots = sum(1 for request in updated if request.operation == "Get" and request.key == "catalog.json")
    assert per_level["s3 Get"] <= 2 * levels and roots <= levels
    assert pages == levels + 1, "one page a level, and a second for the long row"
    assert per_level["s3 Put"] <= levels and set(puts) >= documents
    assert per_level["s3 Head"] <= len(documents)

    linked, _ = catalog.read(stack.url)
    assert all(linked[scene.item_key] == 1 for scene in scenes)
    catalog.assert_sound(stack)
    assert stack.letters() == stack.letters("LevelsDeadLetters") == []


def requests(counts: Counter) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def test_another_scene_of_the_long_row_costs_one_rebuild(stack, tmp_path):
    scene = made(tmp_path / "one-more", "CBERS4A-WPM", LONG_ROW + 1, LONG_ROW + 1)
    stack.settle()
    [new] = [each for each in scene if not stack.has(each.item_key)][-1:]
    stack.supply(new)
    start = stack.recorder.mark()
    stack.send(announcement(new))
    stack.taken()
    assert stack.recorder.count(start)["s3 Put"] == 1
    start = stack.recorder.mark()
    stack.settle()
    counts = stack.recorder.count(start)
    assert (counts["s3 Get"], counts["s3 List"], counts["s3 Put"], counts["s3 Head"]) == (2, 2, 1, 0)
    document = stack.document(f"{new.row}/catalog.json")
    assert sum(link["rel"] == "item" for link in document["links"]) > 1_000


def test_lazycat_itself_finds_the_catalog_valid(stack, tmp_path):
    s3 = stack.client("s3")
    for key in stack.keys():
        file = tmp_path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    run = subprocess.run([ROOT / "target/debug/lazycat", "validate", tmp_path], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
