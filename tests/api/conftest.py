"""A catalog made from the fixtures and served, for all tests of the API; and the boundary to the network."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "judges"))

import nearby  # noqa: E402

LAZYCAT = Path(os.environ.get("LAZYCAT", REPOSITORY / "target" / "release" / "lazycat"))
PATIENCE = 60


def lazycat(*arguments):
    """Runs the command to its end; gives what it printed."""
    done = subprocess.run([LAZYCAT, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"lazycat {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Served:
    """`lazycat serve` on a free port; ended by its process id, also when a test fails."""

    def __init__(self, catalog):
        self.catalog = catalog
        command = [LAZYCAT, "serve", str(catalog), "--addr", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # A server that never says where it is must not keep the tests waiting.
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert line.startswith("http://127.0.0.1:"), f"{line}{self.process.stderr.read()}"
        self.url = line.removesuffix("catalog.json\n")

    def end(self):
        self.process.kill()
        self.process.communicate()


def put_by_hand(catalog):
    """Another item of a row that is there, at 20 degrees north and east: the validator insists on finding one."""
    [known] = catalog.glob("CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.json")
    item = json.loads(known.read_text(encoding="utf-8"))
    item["id"] = "CBERS_4_MUX_20170619_057_121_L2"
    item["bbox"] = [20, 20, 21, 21]
    item["geometry"] = {"type": "Polygon", "coordinates": [[[20, 20], [21, 20], [21, 21], [20, 21], [20, 20]]]}
    known.with_name(f"{item['id']}.json").write_text(json.dumps(item), encoding="utf-8")


@pytest.fixture(scope="session", autouse=True)
def network():
    nearby.only()


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The API over the scenes of the fixtures, and one item more where the validator looks for some."""
    catalog = tmp_path_factory.mktemp("served") / "catalog"
    lazycat("run", REPOSITORY / "fixtures" / "scenes", "--catalog", catalog)
    put_by_hand(catalog)
    lazycat("index", "rebuild", "--catalog", catalog)
    server = Served(catalog)
    yield server
    server.end()
