#!/usr/bin/env python3
"""What the benchmarks have measured, as one table.

Usage: gather.py OUT FILE...: the files hold figures, as a JSON list or as JSON lines, which is what benchmarks append to the
file that LAZYCAT_BENCH_JSON names; writes OUT.md and OUT.json, and prints the table.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

MEMBERS = {"bench", "case", "value", "unit", "compared_to", "ratio"}


def figures(file: Path) -> list[dict]:
    text = file.read_text()
    found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    for number, figure in enumerate(found, 1):
        if set(figure) != MEMBERS:
            raise SystemExit(f"{file}, figure {number}: found the members {sorted(figure)}, expected {sorted(MEMBERS)}")
    return found


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def surroundings() -> dict:
    """What the figures are of."""
    models = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "commit": output("git", "rev-parse", "--short", "HEAD") + ("+" if output("git", "status", "--porcelain") else ""),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "memory_gb": round(int(memory) / 1e6),
        "kernel": platform.release(),
        "rustc": output("rustc", "--version"),
        "load_at_the_end": os.getloadavg()[0],
    }


def number(value: float) -> str:
    """Four digits; commas between thousands."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table(found: list[dict], about: dict) -> str:
    rows = ["| benchmark | case | value | unit | ratio | to |", "|---|---|---|---|---|---|"]
    for figure in found:
        ratio = "" if figure["ratio"] is None else number(figure["ratio"])
        to = cell(figure["compared_to"] or "")
        rows.append(f"| {figure['bench']} | {cell(figure['case'])} | {number(figure['value'])} | {figure['unit']} | {ratio} | {to} |")
    told = (
        f"{about['cores']} cores ({about['processor']}), {about['memory_gb']} GB, Linux {about['kernel']}, {about['rustc']}; "
        f"commit {about['commit']}, {about['at']}, load at the end {about['load_at_the_end']:.1f}"
    )
    return "\n".join([told, "", *rows, ""])


def main():
    out, files = Path(sys.argv[1]), [Path(file) for file in sys.argv[2:]]
    found, about = [figure for file in files for figure in figures(file)], surroundings()
    if not found:
        raise SystemExit(f"no figure was measured: {', '.join(map(str, files))}")
    markdown = table(found, about)
    out.with_suffix(".md").write_text(markdown)
    out.with_suffix(".json").write_text(json.dumps({"machine": about, "figures": found}, indent=1) + "\n")
    print(markdown)


main()
