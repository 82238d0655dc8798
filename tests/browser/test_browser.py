"""A catalog as people see it: made and served by lazycat, looked at with STAC Browser in a headless Chromium."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAZYCAT = ROOT / "target" / "release" / "lazycat"
BUILD = ROOT / "target" / "browser"
SCREENSHOTS = ROOT / "target" / "browser-screenshots"


def make(folder: Path, scenes: str = "") -> Path:
    subprocess.run([LAZYCAT, "run", ROOT / "fixtures" / "scenes" / scenes, "--catalog", folder], check=True, capture_output=True)
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


def browse(folder: Path, *options: str) -> subprocess.CompletedProcess:
    with served(folder) as (catalog, page):
        command = ["node", Path(__file__).with_name("browse.mjs"), "--page", page, "--catalog", catalog, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=600)


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
