#!/usr/bin/env python3
"""What the benchmarks have measured, as one table.

Usage: gather.py LINES OUT: LINES is the file of JSON lines that they have appended to (LAZYCAT_BENCH_JSON); writes OUT.md and
OUT.json, and prints the table.
"""

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

MEMBERS = {"bench", "case", "value", "unit", "compared_to", "ratio"}


def figures(lines: Path) -> list[dict]:
    found = []
    for number, line in enumerate(lines.read_text().splitlines(), 1):
        figure = json.loads(line)
        if set(figure) != MEMBERS:
            raise SystemExit(f"{lines}, line {number}: found the members {sorted(figure)}, expected {sorted(MEMBERS)}")
        found.append(figure)
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
    lines, out = Path(sys.argv[1]), Path(sys.argv[2])
    found, about = figures(lines), surroundings()
    if not found:
        raise SystemExit(f"{lines} holds no figure")
    markdown = table(found, about)
    out.with_suffix(".md").write_text(markdown)
    out.with_suffix(".json").write_text(json.dumps({"machine": about, "figures": found}, indent=1) + "\n")
    print(markdown)


main()
