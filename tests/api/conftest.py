"""A catalog made from the fixtures and served from both indexes, for all tests of the API; and the boundary to the network.

`LAZYCAT` names the command, `STAC_API` the function.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.insert(0, str(REPOSITORY / "tests" / "judges"))

sys.path.insert(0, str(REPOSITORY / "tests" / "postgres"))

import nearby  # noqa: E402
from cluster import Cluster  # noqa: E402
from function import Function  # noqa: E402

STAC_API = Path(os.environ.get("STAC_API", REPOSITORY / "target" / "debug" / "stac-api"))
LAZYCAT = Path(os.environ.get("LAZYCAT", REPOSITORY / "target" / "release" / "lazycat"))
DATABASE = "catalog"
# What items are sorted by: pgstac must be told that these are numbers.
NUMBERS = ("gsd", "view:sun_elevation", "cbers:path")
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


def load(address, catalog):
    """Puts all documents of a catalog into a pgstac."""
    paths = [path for path in catalog.rglob("*.json") if ".lazycat" not in path.parts]
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    with PgstacDB(dsn=address) as database:
        loader = Loader(database)
        loader.load_collections(iter([it for it in documents if it["type"] == "Collection"]), Methods.upsert)
        loader.load_items(iter([it for it in documents if it["type"] == "Feature"]), Methods.upsert)
        for name in NUMBERS:
            number = "INSERT INTO pgstac.queryables (name, definition, property_wrapper) VALUES (%s, '{\"type\": \"number\"}', 'to_float')"
            database.connect().execute(number, (name,))


@pytest.fixture(scope="session", autouse=True)
def network():
    nearby.only()


@pytest.fixture(scope="session")
def catalog(tmp_path_factory):
    """The catalog of the fixtures' scenes, and one item more where the validator looks for some."""
    catalog = tmp_path_factory.mktemp("served") / "catalog"
    lazycat("run", REPOSITORY / "fixtures" / "scenes", "--catalog", catalog)
    put_by_hand(catalog)
    return catalog


@pytest.fixture(scope="session")
def embedded(catalog):
    """`lazycat serve` over the embedded index."""
    lazycat("index", "rebuild", "--catalog", catalog)
    server = Served(catalog)
    yield server
    server.end()


@pytest.fixture(scope="session")
def database(catalog):
    """A pgstac with the documents of the catalog, as the field's own loader loads them."""
    cluster = Cluster()
    try:
        cluster.start()
        cluster.make(DATABASE)
        load(cluster.address(DATABASE), catalog)
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def of_pgstac(catalog, database, tmp_path_factory):
    """The function `stac-api` over pgstac, behind a function URL."""
    log = tmp_path_factory.mktemp("function") / "log"
    function = Function(STAC_API, log, LAZYCAT_DATABASE=database.address(DATABASE), LAZYCAT_TIMEOUT="29")
    function.catalog = catalog
    yield function
    function.end()


@pytest.fixture(scope="session", params=["embedded", "of_pgstac"])
def served(request):
    """The API over each index in turn."""
    return request.getfixturevalue(request.param)
