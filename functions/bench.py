#!/usr/bin/env python3
"""How long a function takes from its start to its first request for an invocation, on the clock and on the processor, and
what it keeps in memory then.

Usage: bench.py FOLDER: the folder of the binaries. Prints; asserts nothing.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

STARTS = 30
SETTINGS = {
    "LAZYCAT_STACK": "bench",
    "LAZYCAT_TIMEOUT": "60",
    "LAZYCAT_ATTEMPTS": "5",
    "LAZYCAT_AUDIT_REPAIR": "no",
    "LAZYCAT_GENERATORS": "{}",
    "LAZYCAT_ITEMS_BUCKET": "long-items",
    "LAZYCAT_SOURCE_BUCKETS": "cbers-pds",
    "LAZYCAT_METADATA_BUCKETS": "cbers-meta-pds",
    "LAZYCAT_CATALOG_BUCKET": "catalog",
    "LAZYCAT_PUBLIC_URL": "https://example.com/",
    "LAZYCAT_DIRTY_LEVELS_TABLE": "dirty-levels",
    "LAZYCAT_ITEMS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:items",
    "LAZYCAT_REPROCESSED_ITEMS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:reprocessed",
    "LAZYCAT_SCENES_QUEUE_URL": "https://example.com/scenes",
    "LAZYCAT_LAYOUT": "{collection}/{year}/{month}",
    "LAZYCAT_FILED_ITEMS_TABLE": "filed-items",
    "LAZYCAT_LEVELS_QUEUE_URL": "https://example.com/levels",
    "LAZYCAT_ITEMS_QUEUE_URL": "https://example.com/items",
    "LAZYCAT_LAYOUT": "{collection}/{year}",
    "LAZYCAT_DEAD_LETTERS_URL": "https://example.com/dead-letters",
    "LAZYCAT_DATABASE": "host=127.0.0.1 user=bench dbname=bench",
    "LAZYCAT_OPENSEARCH_URL": "https://search.example.com",
    "LAZYCAT_OPENSEARCH_ACCESS": "role",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
}


class Runtime(BaseHTTPRequestHandler):
    """The runtime interface of Lambda, as far as the first question; it has no invocation to give."""

    asked = threading.Event()
    over = threading.Event()

    def do_GET(self):
        type(self).asked.set()
        type(self).over.wait()

    def log_message(self, *_):
        pass


def resident(pid: int) -> float:
    """Megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise ProcessLookupError(pid)


def on_processor(pid: int) -> float:
    """Milliseconds of all threads: on a machine that is not quiet, less than the clock says."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6


def start(binary: Path) -> tuple[float, float, float]:
    """Milliseconds on the clock and on the processor, and megabytes."""
    Runtime.asked, Runtime.over = threading.Event(), threading.Event()
    server = HTTPServer(("127.0.0.1", 0), Runtime)
    threading.Thread(target=server.handle_request, daemon=True).start()
    environment = SETTINGS | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "PATH": os.environ["PATH"]}
    before = time.perf_counter()
    process = subprocess.Popen([binary], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if not Runtime.asked.wait(10):
            process.kill()
            raise SystemExit(f"{binary} asks for nothing: {process.communicate()[0].decode()}")
        return (time.perf_counter() - before) * 1e3, on_processor(process.pid), resident(process.pid)
    finally:
        process.kill()
        process.wait()
        Runtime.over.set()
        server.server_close()


def record(case: str, value: float, unit: str):
    """A line for `make bench`, as lazycat_fixtures::record_figure writes them."""
    if file := os.environ.get("LAZYCAT_BENCH_JSON"):
        figure = {"bench": "functions", "case": case, "value": value, "unit": unit, "compared_to": None, "ratio": None}
        with open(file, "a") as lines:
            lines.write(json.dumps(figure) + "\n")


def main():
    folder = Path(sys.argv[1])
    makefile = (Path(__file__).parent / "Makefile").read_text()
    names = next(line for line in makefile.splitlines() if line.startswith("FUNCTIONS := ")).split()[2:]
    print(f"{'function':<28}{'MB':>8}{'start, ms':>12}{'fastest':>10}{'processor, ms':>16}{'resident, MB':>16}")
    for name in names:
        starts = [start(folder / name) for _ in range(STARTS)]
        times, processor, memory = zip(*starts)
        size = (folder / name).stat().st_size / 1e6
        medians = f"{statistics.median(processor):>16.1f}{statistics.median(memory):>16.1f}"
        record(f"{name}, start to first request", statistics.median(times), "ms")
        record(f"{name}, memory then", statistics.median(memory), "MB")
        record(f"{name}, binary", size, "MB")
        print(f"{name:<28}{size:>8.1f}{statistics.median(times):>12.1f}{min(times):>10.1f}{medians}")


main()
