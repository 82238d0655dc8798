#!/usr/bin/env python3
"""Measures searches with bbox and datetime over pgstac: our STAC API beside stac-fastapi-pgstac, on one database, in one run.

Argument: the built bench `stac_api`. Each in turn, some rounds; medians. With LAZYCAT_BENCH_JSON, the numbers also as lines
in that file.
"""

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import quote, urlsplit

from bench import COLLECTIONS, collection, item
from cluster import Cluster
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

DATABASE = "bench"
ITEMS = int(os.environ.get("LAZYCAT_BENCH_ITEMS", "20000"))
ROUNDS = 5
SECONDS = 4
CLIENTS = 4
FIELD = Path(__file__).resolve().parents[2] / "target" / "postgres" / "api" / "bin" / "uvicorn"


def fill(address: str):
    with PgstacDB(dsn=address) as database:
        loader = Loader(database)
        loader.load_collections(iter([collection(name) for name in COLLECTIONS]), Methods.insert)
        loader.load_items(iter([item(number) for number in range(ITEMS)]), Methods.insert)
        database.connect().execute("ANALYZE")


def serve_ours(built: str, address: str) -> tuple[subprocess.Popen, str]:
    server = subprocess.Popen(
        [built], env=os.environ | {"LAZYCAT_BENCH_DATABASE": address}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return server, server.stdout.readline().strip()


def serve_field(port_of_database: int) -> tuple[subprocess.Popen, str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "PGUSER": "postgres", "PGPASSWORD": "none", "PGHOST": "127.0.0.1", "PGPORT": str(port_of_database), "PGDATABASE": DATABASE,
        "ENV_FILE": os.devnull,
    }
    server = subprocess.Popen(
        [FIELD, "stac_fastapi.pgstac.app:create_app", "--factory", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"],
        env=os.environ | settings, stdin=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/_mgmt/ping")
            if connection.getresponse().status == 200:
                return server, f"http://127.0.0.1:{port}/"
        except OSError:
            pass
        assert server.poll() is None and time.monotonic() < deadline, "stac-fastapi-pgstac does not start"
        time.sleep(0.1)


def asked(seed: int) -> str:
    """A search in a place and a time: the same for each server."""
    chance = random.Random(seed)
    west, south = chance.uniform(-70, -45), chance.uniform(-30, -15)
    year = chance.randint(2019, 2020)
    times = quote(f"{year}-01-01T00:00:00Z/{year + 1}-01-01T00:00:00Z", safe="")
    return f"/search?bbox={west:.3f},{south:.3f},{west + 5:.3f},{south + 5:.3f}&datetime={times}&limit=10"


def measure(url: str, seed: int) -> tuple[float, float, int]:
    """Requests a second, milliseconds in the median, and how many items were found."""
    times, found, host = [], [], urlsplit(url)

    def client(number: int):
        connection = HTTPConnection(host.hostname, host.port, timeout=60)
        count, deadline = 0, time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            path = asked(seed * 1_000_000 + number * 10_000 + count)
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Accept-Encoding": "identity"})
            answer = connection.getresponse()
            body = answer.read()
            times.append(time.perf_counter() - begun)
            assert answer.status == 200, body
            found.append(len(json.loads(body)["features"]))
            count += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / (time.monotonic() - begun), median(times) * 1e3, sum(found)


def main():
    cluster = Cluster()
    servers = []
    try:
        cluster.start()
        cluster.make(DATABASE)
        fill(cluster.address(DATABASE))
        rounds = {"stac-api": [], "stac-fastapi-pgstac": []}
        for name, serve in (
            ("stac-api", lambda: serve_ours(sys.argv[1], cluster.address(DATABASE))),
            ("stac-fastapi-pgstac", lambda: serve_field(cluster.port)),
        ):
            server, url = serve()
            servers.append(server)
            rounds[name] = (url, [])
            measure(url, 0)
        for number in range(1, ROUNDS + 1):
            for url, results in rounds.values():
                results.append(measure(url, number))
        print(f"searches with bbox and datetime, {ITEMS} items, {CLIENTS} clients, medians of {ROUNDS} rounds of {SECONDS} s")
        print(f"{'':24}{'requests/s':>12}{'median ms':>12}")
        medians = {
            name: (median(rate for rate, _, _ in results), median(time for _, time, _ in results))
            for name, (_, results) in rounds.items()
        }
        for name, (rate, milliseconds) in medians.items():
            print(f"{name:24}{rate:>12.0f}{milliseconds:>12.1f}")
        if lines := os.environ.get("LAZYCAT_BENCH_JSON"):
            ours, field = medians["stac-api"], medians["stac-fastapi-pgstac"]
            with open(lines, "a", encoding="utf-8") as out:
                for at, (case, unit) in enumerate((("requests", "1/s"), ("median", "ms"))):
                    line = {
                        "bench": "search over pgstac", "case": f"bbox and datetime, {case}", "value": ours[at], "unit": unit,
                        "compared_to": "stac-fastapi-pgstac", "ratio": ours[at] / field[at],
                    }
                    out.write(json.dumps(line) + "\n")
    finally:
        for server in servers:
            server.kill()
            server.wait()
        cluster.stop()


if __name__ == "__main__":
    main()
