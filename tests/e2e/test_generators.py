"""generate-from-request as deployed, but for its image, which needs Docker: its program, with uv of this machine; and how
the image starts it."""

import json
import os
import shutil
import subprocess

import pytest

import generators
from conftest import ARCHITECTURE
from scenes import FIXTURES, ROOT
from stack import wait_until

TOOLS = ROOT / "target" / "generators"
PACKAGE = "stactools-amazonia-1==0.1.3"
WAIT = 120
TABLE = {
    "stactools": {
        "packages": [PACKAGE], "uvx": str(TOOLS / "venv" / "bin" / "uvx"), "cache": str(TOOLS / "cache"), "offline": True,
        "time_out": 240,
    },
    "generators": {"bad": {"command": ["python3", str(ROOT / "fixtures" / "generators" / "misbehaves.py")]}},
    "path": "/usr/local/bin:/usr/bin:/bin:" + os.environ["PATH"],
}


@pytest.fixture(scope="module")
def stack(world, tmp_path_factory):
    subprocess.run([ROOT / "tests" / "generators" / "setup.sh"], check=True)
    template = generators.build(world, tmp_path_factory.mktemp("generators"), ARCHITECTURE)
    stack = generators.GeneratorStack(world, "generators")
    stack.deploy(template, Generators=json.dumps(TABLE), Architecture=ARCHITECTURE)
    yield stack
    stack.delete()


def bad(**what) -> dict:
    return {"generator": "bad", "input": what, "collection_id": "made"}


def test_a_request_of_eoapi_becomes_an_item_on_the_topic(stack):
    scene = sorted(FIXTURES.glob("AMAZONIA1/**/*_BAND2.xml"))[0]
    stack.publish({
        "package_name": "stactools-amazonia-1", "group_name": "amazonia1", "create_item_args": [str(scene)],
        "create_item_options": {}, "collection_id": "AMAZONIA1-WFI",
    })
    [message] = wait_until(stack.items, WAIT, stack.told)
    item = json.loads(message["Message"])
    assert (item["id"], item["collection"]) == (scene.parent.name, "AMAZONIA1-WFI")
    assert message["MessageAttributes"]["collection"]["Value"] == "AMAZONIA1-WFI"
    assert set(message["MessageAttributes"]) >= {"properties.datetime", "bbox.ll_lon", "bbox.ur_lat"}
    assert not [link for link in item["links"] if link["rel"] == "self"]


def test_a_long_item_is_in_the_bucket_and_its_address_on_the_topic(stack):
    stack.send(json.dumps(bad(do="wide", bytes=300_000)))
    [message] = wait_until(stack.items, WAIT, stack.told)
    bucket, _, key = json.loads(message["Message"])["href"].removeprefix("s3://").partition("/")
    assert bucket == stack.outputs["LongItemsBucket"] and key.startswith("made/good/")
    kept = json.loads(stack.world.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    assert (kept["collection"], len(kept["properties"]["text"])) == ("made", 300_000)


def test_what_gives_no_item_is_a_dead_letter_with_its_reason_and_the_others_are_made(stack):
    stactools = {"package_name": "stactools-amazonia-1", "group_name": "amazonia1", "create_item_args": []}
    expected = {
        "hello": "message",
        json.dumps(stactools | {"package_name": "stactools-unheard-of"}): "not-allowed",
        json.dumps(stactools | {"package_name": "stactools-amazonia-1==9"}): "not-allowed",
        json.dumps(stactools): "arguments",
        json.dumps(bad(do="garbage")): "garbage",
        json.dumps(bad(do="no-item")): "item",
        json.dumps({"generator": "unheard-of", "input": {}}): "unknown-generator",
    }
    for body in (*expected, json.dumps(bad(do="good"))):
        stack.send(body)
    letters = []
    wait_until(lambda: letters.extend(stack.letters()) or len(letters) >= len(expected), WAIT, lambda: f"{letters}\n{stack.told()}")
    assert {letter["body"]: letter["reason"] for letter in letters} == expected
    [message] = wait_until(stack.items, WAIT, stack.told)
    assert json.loads(message["Message"])["id"] == "good"
    wait_until(lambda: stack.waiting() == 0, WAIT, stack.told)


def test_what_a_failing_generator_said_is_in_the_log_and_its_request_comes_back(stack):
    stack.send(json.dumps(bad(do="exit", code=3)))
    wait_until(lambda: "Traceback: no such band" in stack.told(), WAIT, stack.told)
    assert stack.waiting() == 1 and stack.letters() == []


def test_the_image_starts_with_a_cache_that_uv_can_write_to(tmp_path):
    """`start.sh` beside a cache as `warm.py` makes it; in place of the function, a program that runs the package."""
    subprocess.run([ROOT / "tests" / "generators" / "setup.sh"], check=True)
    image, cache = tmp_path / "image", tmp_path / "writable"
    shutil.copytree(ROOT / "functions" / "generate-from-request" / "image", image)
    shutil.copytree(TOOLS / "cache", image / "uv-cache", symlinks=True, copy_function=os.link)
    uvx = TOOLS / "venv" / "bin" / "uvx"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_OFFLINE": "1"}
    table = tmp_path / "table.json"
    table.write_text(json.dumps(TABLE))
    warmed = subprocess.run(
        [image / "warm.py", table, image / "uv-cache", uvx], env=environment, capture_output=True, text=True, timeout=120,
    )
    assert warmed.stdout == f"{PACKAGE} is in {image / 'uv-cache'}\n", warmed.stderr
    scene = sorted(FIXTURES.glob("AMAZONIA1/**/*_BAND2.xml"))[0]
    bootstrap = image / "bootstrap"
    bootstrap.write_text(
        f'#!/bin/sh\nUV_CACHE_DIR={cache} exec {uvx} --quiet --from stactools==0.5.3 --with {PACKAGE} '
        f'--with requests==2.32.5 stac amazonia1 create-item -- {scene} {tmp_path}/item.json\n'
    )
    bootstrap.chmod(0o755)
    for _ in range(2):
        started = subprocess.run([image / "start.sh", cache], env=environment, capture_output=True, text=True, timeout=120)
        assert started.returncode == 0, started.stderr
        assert json.loads((tmp_path / "item.json").read_text())["id"] == scene.parent.name
        (tmp_path / "item.json").unlink()
    # Nothing in the image is written to: its files stand where links lead to, and new ones beside these.
    assert any(entry.is_symlink() for entry in cache.rglob("*.py"))


def test_the_image_installs_what_its_table_names():
    folder = ROOT / "functions" / "generate-from-request"
    table = json.loads((folder / "generators.json").read_text())
    assert table["stactools"]["offline"] and table["stactools"]["cache"] == "/tmp/uv-cache"
    assert table["stactools"]["packages"] == [PACKAGE]
    docker = (folder / "Dockerfile").read_text()
    copied = [line.split()[1:-1] for line in docker.splitlines() if line.startswith("COPY functions/")]
    assert copied and all((ROOT / path).exists() for line in copied for path in line)
    pins = [(ROOT / path).read_text() for path in ("tests/generators/requirements.txt", folder / "image" / "requirements.txt")]
    assert pins[0] == pins[1]
