"""A catalog as people see it: made and served by lazycat, looked at and searched with STAC Browser in a headless Chromium."""

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAZYCAT = Path(os.environ.get("LAZYCAT", ROOT / "target" / "release" / "lazycat"))
BUILD = ROOT / "target" / "browser"
SCREENSHOTS = ROOT / "target" / "browser-screenshots"

# What is searched for.
CAMERA, FOLDER, FROM, TO = "CBERS-4 MUX", "CBERS4/MUX", "2018-06-01 00:00:00", "2020-12-31 00:00:00"
ITEM = "CBERS_4_MUX_20240126_154_126_L2"


def make(folder: Path, scenes: str = "", *options: str) -> Path:
    command = [LAZYCAT, "run", ROOT / "fixtures" / "scenes" / scenes, "--catalog", folder, *options]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@contextmanager
def served(folder: Path):
    """The addresses of the catalog and of STAC Browser."""
    command = [LAZYCAT, "serve", folder, "--addr", "127.0.0.1:0", "--browser", BUILD]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        catalog, advice = server.stdout.readline(), server.stdout.readline()
        yield catalog.strip(), advice.rsplit(maxsplit=1)[-1]
    finally:
        server.kill()
        server.wait()


def visit(script: str, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(["node", Path(__file__).with_name(script), *options], capture_output=True, text=True, timeout=600)


def browse(folder: Path, *options: str) -> subprocess.CompletedProcess:
    with served(folder) as (catalog, page):
        return visit("browse.mjs", "--page", page, "--catalog", catalog, *options)


def search(folder: Path, expected: list[str], *options: str) -> subprocess.CompletedProcess:
    """What a search by camera and time finds, on the page that is announced for it."""
    file = folder.parent / "expected.json"
    file.write_text(json.dumps(expected))
    with served(folder) as (catalog, page):
        asked = ("--collection", CAMERA, "--from", FROM, "--to", TO, "--expected", str(file), "--id", ITEM)
        return visit("search.mjs", "--page", page + "?api", *asked, *options)


@pytest.fixture
def small(tmp_path):
    """A catalog of one row."""
    return make(tmp_path / "catalog", "CBERS4/MUX/154/126")


def change(folder: Path, pattern: str, change):
    for path in folder.glob(pattern):
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))


def test_every_page_from_the_root_to_an_item_and_back_shows_what_the_catalog_says(tmp_path):
    seen = browse(make(tmp_path / "catalog"), "--row", "CBERS4/MUX/154/126", "--screenshots", str(SCREENSHOTS))
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "back at the root" in seen.stdout


def test_a_title_that_is_not_that_of_the_document_is_seen(small):
    def rename(document):
        document["links"][-1]["title"] = "Another title"

    change(small, "catalog.json", rename)
    seen = browse(small)
    assert seen.returncode == 1 and "titles of the documents" in seen.stderr, seen.stdout + seen.stderr


def test_a_document_that_is_missing_is_seen(small):
    (small / "CBERS4" / "catalog.json").unlink()
    seen = browse(small)
    assert seen.returncode == 1 and "404 from" in seen.stderr, seen.stdout + seen.stderr


@pytest.fixture(scope="module")
def searchable(tmp_path_factory):
    """A catalog with an index, and the titles of its items that a search is to find, by a look into every file."""
    folder = make(tmp_path_factory.mktemp("searchable") / "catalog", FOLDER, "--index")
    begin, end = (instant.replace(" ", "T") for instant in (FROM, TO))
    properties = [json.loads(item.read_text())["properties"] for item in folder.glob(f"{FOLDER}/*/*/*_L*.json")]
    found = [each["title"] for each in properties if each["start_datetime"] <= end and begin <= each["end_datetime"]]
    assert 5 < len(found) < len(properties), "more than a page, and not all"
    return folder, found


def test_a_search_by_camera_and_time_shows_exactly_the_items_that_are_there_page_by_page(searchable):
    folder, titles = searchable
    seen = search(folder, titles, "--screenshots", str(SCREENSHOTS))
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "page 2" in seen.stdout


def test_an_item_that_a_search_should_not_find_is_seen(searchable):
    folder, titles = searchable
    seen = search(folder, [*titles[1:], "Another title"])
    assert seen.returncode == 1 and "the items that were found" in seen.stderr, seen.stdout + seen.stderr
