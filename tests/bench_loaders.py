#!/usr/bin/env python3
"""Measures everything about search indexes: the embedded one, and the loaders of pgstac and of OpenSearch beside what others use.

Prints one table in Markdown. Run it with .venv's Python, after `make setup`: `make bench-loaders`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"search": "lazycat-api", "loaders": "lazycat", "opensearch": "lazycat-tests"}


def build(wanted: list[str]) -> dict[str, str]:
    """Builds the benchmarks; gives their programs."""
    cargo = [os.environ.get("CARGO", "cargo"), "bench", "--no-run", "--locked", "--message-format", "json"]
    packages = [part for package in PACKAGES.values() for part in ("--package", package)]
    benches = [part for bench in wanted for part in ("--bench", bench)]
    run = subprocess.run(
        [*cargo, *packages, "--features", "lazycat/aws,lazycat/pgstac", *benches], cwd=ROOT, check=True, stdout=subprocess.PIPE,
        text=True,
    )
    messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    built = {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message.get("executable") and message["target"]["kind"] == ["bench"]
    }
    return {name: built[name] for name in wanted}


def table(figures: list[dict]) -> str:
    lines = ["| bench | what | figure | ratio | compared to |", "|---|---|---:|---:|---|"]
    for figure in figures:
        value = f"{figure['value']:,.0f}" if abs(figure["value"]) >= 100 else f"{figure['value']:.3g}"
        ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
        lines.append(f"| {figure['bench']} | {figure['case']} | {value} {figure['unit']} | {ratio} | {figure['compared_to'] or ''} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes the figures there as well")
    parser.add_argument("--only", action="append", choices=PACKAGES, help="measures this alone; may be repeated")
    arguments = parser.parse_args()
    programs = build(arguments.only or list(PACKAGES))
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "figures"
        record.touch()
        environment = os.environ | {"LAZYCAT_BENCH_JSON": str(record)}
        for name, program in programs.items():
            command = [sys.executable, "-B", ROOT / "tests/postgres/bench.py", program] if name == "loaders" else [program]
            # Its own tables are for whoever watches; what counts is printed at the end.
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)
        figures = [json.loads(line) for line in record.read_text().splitlines()]
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    print(f"{os.cpu_count()} cores, {platform.machine()}, {rustc}\n\n{table(figures)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
