#!/usr/bin/env python3
"""Measures the loader of pgstac beside pypgstac's, with the same items, on one database. Argument: the built bench."""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from cluster import Cluster
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

DATABASE = "bench"
COLLECTIONS = ("CBERS4-MUX", "CBERS4-AWFI", "CBERS4A-WPM", "AMAZONIA1-WFI")
ROUNDS = 7
BANDS = ("blue", "green", "red", "nir")


def collection(name: str) -> dict:
    assets = {
        band: {"type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"], "title": f"{band} band"}
        for band in BANDS
    }
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2014-12-07T00:00:00Z", None]]}}
    return {
        "type": "Collection", "stac_version": "1.1.0", "id": name, "description": name, "license": "CC-BY-SA-3.0", "links": [],
        "extent": extent, "item_assets": assets | {"thumbnail": {"type": "image/jpeg", "roles": ["thumbnail"]}},
    }


def item(number: int) -> dict:
    """An item of about 2.4 KB."""
    name, identifier = COLLECTIONS[number % 4], f"item-{number}"
    west, south = -70 + number % 30, -30 + number % 20
    ring = [[west, south], [west + 1.1, south + 0.1], [west + 1, south + 1.1], [west - 0.1, south + 1], [west, south]]
    root = f"https://data.example.com/{name}/2019/{identifier}"
    assets = {
        band: collection(name)["item_assets"][band] | {
            "href": f"{root}/{identifier}_BAND{at}.tif", "bands": [{"name": f"BAND{at}", "eo:common_name": band}],
        }
        for at, band in enumerate(BANDS)
    }
    links = [
        {"rel": rel, "href": f"{root}/{rel}.json", "type": "application/json", "title": f"{name} {identifier}"}
        for rel in ("self", "parent", "collection", "root")
    ]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": identifier, "collection": name,
        "stac_extensions": ["https://stac-extensions.github.io/view/v1.0.0/schema.json"],
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west - 0.1, south, west + 1.1, south + 1.1],
        "properties": {
            "datetime": f"20{19 + number % 2}-{1 + number % 12:02}-{1 + number % 28:02}T13:04:05.{number % 1000:03}Z",
            "platform": "cbers-4", "instruments": [name], "gsd": 20, "view:off_nadir": 0.003 * (number % 100),
            "view:sun_azimuth": 55.81, "view:sun_elevation": 47.2, "sat:relative_orbit": number % 300,
        },
        "links": links,
        "assets": assets | {"thumbnail": {"type": "image/jpeg", "roles": ["thumbnail"], "href": f"{root}/{identifier}.jpg"}},
    }


def cpu(pid: int, fields: slice = slice(11, 13)) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, stat[fields])) / os.sysconf("SC_CLK_TCK")


def cpu_of_server(pid: int) -> float:
    total = cpu(pid, slice(11, 15))
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "stat").read_text().rpartition(") ")[2].split()[1] == str(pid):
                total += cpu(int(process.name))
        except OSError:
            continue
    return total


def named(items: list[dict], prefix: str) -> list[dict]:
    return [each | {"id": f"{prefix}-{at}"} for at, each in enumerate(items)]


def one_of_many(address: str, items: list[dict], loader: int, lost: multiprocessing.Value):
    load = Loader(PgstacDB(dsn=address))
    for batch in range(4):
        try:
            load.load_items(iter(named(items[1000 + batch * 250 :][:250], f"py-many-{loader}-{batch}")), Methods.upsert)
        except Exception:  # noqa: BLE001 — what it is does not matter here: the batch is lost.
            with lost.get_lock():
                lost.value += 250


def measure_pypgstac(cluster: Cluster, items: list[dict]) -> list[dict]:
    address = cluster.address(DATABASE)
    load = Loader(PgstacDB(dsn=address))
    seconds, client, server = [], [], []
    for round_ in range(ROUNDS):
        batch = named(items[:1000], f"py{round_}")
        before = time.perf_counter(), time.process_time(), cpu_of_server(cluster.pid)
        load.load_items(iter(batch), Methods.upsert)
        seconds.append(time.perf_counter() - before[0])
        client.append(time.process_time() - before[1])
        server.append(cpu_of_server(cluster.pid) - before[2])
    one = {"what": "pypgstac, 1,000 items, no messages", "seconds": median(seconds), "client": median(client), "server": median(server)}
    lost = multiprocessing.Value("i", 0)
    before = time.perf_counter(), cpu_of_server(cluster.pid)
    loaders = [multiprocessing.Process(target=one_of_many, args=(address, items, at, lost)) for at in range(4)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    elapsed = time.perf_counter() - before[0]
    many = {
        "what": "pypgstac, 4 loaders at once, no searches", "items": 4000 - lost.value, "lost": lost.value, "seconds": elapsed,
        "server": cpu_of_server(cluster.pid) - before[1],
    }
    return [one, many]


def main():
    cluster = Cluster()
    try:
        cluster.start()
        cluster.make(DATABASE)
        address = cluster.address(DATABASE)
        items = [item(number) for number in range(2000)]
        size = median(len(json.dumps(each, separators=(",", ":"))) for each in items)
        print(f"items of {size:.0f} bytes, four collections, partitions by month; medians of {ROUNDS}, seconds")
        with PgstacDB(dsn=address) as database:
            for name in COLLECTIONS:
                put = "INSERT INTO collections (content, partition_trunc) VALUES (%s::text::jsonb, 'month')"
                database.connect().execute(put, (json.dumps(collection(name)),))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "items.ndjson"
            file.write_text("".join(json.dumps(each) + "\n" for each in items))
            environment = {
                "LAZYCAT_BENCH_DATABASE": address, "LAZYCAT_BENCH_ITEMS": str(file), "LAZYCAT_BENCH_SERVER": str(cluster.pid),
            }
            ours = subprocess.run(
                [sys.argv[1]], env=os.environ | environment, check=True, stdout=subprocess.PIPE, text=True
            ).stdout
        rows = [json.loads(line) for line in ours.splitlines()] + measure_pypgstac(cluster, items)
        print(f"{'':42}{'wall':>9}{'client':>9}{'server':>9}")
        for row in rows:
            numbers = "".join(f"{row[name]:9.3f}" if name in row else f"{'':9}" for name in ("seconds", "client", "server"))
            more = ", ".join(f"{row[name]} {name}" for name in ("lost", "searches", "failed") if name in row)
            rate = f"  {row['items'] / row['seconds']:.0f} items/s" if "items" in row else ""
            print(f"{row['what']:42}{numbers}{rate}{'  ' + more if more else ''}")
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
