#!/usr/bin/env python3
"""Measures the loader of pgstac beside those in Python, with the same items, on one database. Argument: the built bench.

Prints a table. What LAZYCAT_BENCH_JSON names gets each figure as a line of JSON, as the other benchmarks write them.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import boto3
from cluster import Cluster
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

DATABASE = "bench"
COLLECTIONS = ("CBERS4-MUX", "CBERS4-AWFI", "CBERS4A-WPM", "AMAZONIA1-WFI")
ROUNDS = 9
# A loader that makes a client for every record is slow enough to be measured with fewer.
FEW, MANY = 50, 500
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


def measured(what: str, cluster: Cluster, rounds: int, items: int, load: Callable[[int], None]) -> dict:
    """Loads once a round, and once before."""
    load(0)
    seconds, before = [], (time.process_time(), cpu_of_server(cluster.pid))
    for round_ in range(1, rounds + 1):
        started = time.perf_counter()
        load(round_)
        seconds.append(time.perf_counter() - started)
    client, server = time.process_time() - before[0], cpu_of_server(cluster.pid) - before[1]
    return {
        "what": what, "items": items, "seconds": median(seconds), "client": client / rounds, "server": server / rounds,
    }


class Handler:
    """A loader as StacLoader of eoapi-cdk works: a document is fetched for each record, one after the other, then pypgstac
    loads the items of each collection."""

    def __init__(self, address: str, port: int, shares_client: bool):
        self.address = address
        self.port = port
        self.shared = self.client() if shares_client else None

    def client(self):
        return boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1", aws_access_key_id="a",
            aws_secret_access_key="b",
        )

    def load(self, keys: list[str]):
        collections: dict[str, list[dict]] = {}
        for key in keys:
            client = self.shared or self.client()
            found = json.loads(client.get_object(Bucket="bench", Key=key)["Body"].read())
            collections.setdefault(found["collection"], []).append(found)
        with PgstacDB(dsn=self.address) as database:
            loader = Loader(database)
            for items in collections.values():
                loader.load_items(iter(items), Methods.upsert)


def measure_python(cluster: Cluster, items: list[dict], port: int) -> dict[str, dict]:
    address = cluster.address(DATABASE)
    loader = Loader(PgstacDB(dsn=address))
    batches = [named(items[:1000], f"py{round_}") for round_ in range(ROUNDS + 1)]

    def events(name: str, rounds: int, number: int, shares_client: bool) -> dict:
        handler = Handler(address, port, shares_client)
        return measured(
            name, cluster, rounds, number, lambda round_: handler.load([f"{name}{round_}/{at}.json" for at in range(number)])
        )

    rows = [
        measured("pypgstac", cluster, ROUNDS, 1000, lambda round_: loader.load_items(iter(batches[round_]), Methods.upsert)),
        events("shared", 3, MANY, True),
        events("shipped", 1, FEW, False),
    ]
    lost = multiprocessing.Value("i", 0)
    before = time.perf_counter(), cpu_of_server(cluster.pid)
    loaders = [multiprocessing.Process(target=one_of_many, args=(address, items, at, lost)) for at in range(4)]
    for each in loaders:
        each.start()
    for each in loaders:
        each.join()
    rows.append({
        "what": "many", "items": 4000 - lost.value, "lost": lost.value, "seconds": time.perf_counter() - before[0],
        "server": cpu_of_server(cluster.pid) - before[1],
    })
    return {row["what"]: row for row in rows}


def figures(ours: dict[str, dict], python: dict[str, dict]) -> list[dict]:
    """What was measured, each beside what it is compared to."""
    lines = []

    def figure(case: str, value: float, unit: str, compared_to: str | None = None, other: float | None = None):
        ratio = value / other if other else None
        lines.append({
            "bench": "pgstac", "case": case, "value": round(value, 4), "unit": unit, "compared_to": compared_to,
            "ratio": ratio and round(ratio, 3),
        })

    def rate(row: dict) -> float:
        return row["items"] / row["seconds"]

    messages, events, many, reprocess = (ours[what] for what in ("messages", "events", "many", "reprocess"))
    pypgstac = "pypgstac's Loader, without messages"
    figure("1,000 items in messages", messages["seconds"], "s", pypgstac, python["pypgstac"]["seconds"])
    figure("1,000 items in messages, CPU of the loader", messages["client"], "s", pypgstac, python["pypgstac"]["client"])
    figure("1,000 items in messages, CPU of the database", messages["server"], "s", pypgstac, python["pypgstac"]["server"])
    figure("500 items by S3 events", events["seconds"], "s", "a handler as eoapi's with one client", python["shared"]["seconds"])
    figure("items by S3 events", rate(events), "items/s", f"a handler as eoapi's with a client a record, {FEW} items", rate(python["shipped"]))
    figure("500 items by S3 events, CPU of the database", events["server"], "s", "a handler as eoapi's with one client", python["shared"]["server"])
    at_once = f"4 of pypgstac's Loader, without searches, {python['many']['lost']} items lost"
    figure("4 loaders at once, 4 collections, in months, with searches", rate(many), "items/s", at_once, rate(python["many"]))
    figure("4 loaders at once: items lost", many["lost"], "items")
    figure("4 loaders at once: searches that failed", many["failed"], f"of {many['searches']}")
    figure("4 loaders reprocess", rate(reprocess), "items/s", "4 loaders that load new items", rate(many))
    for at, what in enumerate(("median", "99th percentile")):
        figure(f"search, {what}, while 4 loaders reprocess", reprocess["beside"][at], "ms", "alone", reprocess["alone"][at])
    figure("searches that failed while 4 loaders reprocess", reprocess["failed"], f"of {reprocess['searches']}")
    return lines


def main():
    cluster = Cluster()
    try:
        cluster.start()
        cluster.make(DATABASE)
        address = cluster.address(DATABASE)
        items = [item(number) for number in range(2000)]
        size = median(len(json.dumps(each, separators=(",", ":"))) for each in items)
        with PgstacDB(dsn=address) as database:
            for name in COLLECTIONS:
                put = "INSERT INTO collections (content, partition_trunc) VALUES (%s::text::jsonb, 'month')"
                database.connect().execute(put, (json.dumps(collection(name)),))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "items.ndjson"
            file.write_text("".join(json.dumps(each) + "\n" for each in items))
            environment = os.environ | {
                "LAZYCAT_BENCH_DATABASE": address, "LAZYCAT_BENCH_ITEMS": str(file), "LAZYCAT_BENCH_SERVER": str(cluster.pid),
            }
            run = subprocess.run([sys.argv[1]], env=environment, check=True, stdout=subprocess.PIPE, text=True)
            ours = {row["what"]: row for row in map(json.loads, run.stdout.splitlines())}
            with subprocess.Popen(
                [sys.argv[1], "bucket"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as bucket:
                python = measure_python(cluster, items, int(bucket.stdout.readline()))
                bucket.stdin.close()
        lines = figures(ours, python)
        print(f"pgstac, items of {size:.0f} bytes, four collections, partitions by month\n")
        for line in lines:
            beside = f"{line['ratio']:.2f} of {line['compared_to']}" if line["ratio"] is not None else ""
            print(f"{line['case']:62}{line['value']:10.3f} {line['unit']:10}{beside}")
        if record := os.environ.get("LAZYCAT_BENCH_JSON"):
            with Path(record).open("a") as out:
                out.writelines(json.dumps(line) + "\n" for line in lines)
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
