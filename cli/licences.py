#!/usr/bin/env python3
"""The licences of everything that is compiled into the lazycat command, with their texts.

Usage: licences.py TARGET: prints them for a target triple such as x86_64-unknown-linux-gnu.
"""

import json
import subprocess
import sys
from pathlib import Path

NAMES = ("licen", "copying", "notice", "copyright")


def dependencies(target: str) -> list[dict]:
    """The packages that are linked into the command: normal dependencies, no others, without the workspace's own."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    [command] = [id for id, package in packages.items() if package["name"] == "lazycat-cli"]
    seen, waiting = {command}, [command]
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if linked and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                waiting.append(dependency["pkg"])
    found = [packages[id] for id in seen if packages[id]["source"] is not None]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def texts(package: dict) -> list[Path]:
    folder = Path(package["manifest_path"]).parent
    return sorted(file for file in folder.iterdir() if file.is_file() and file.name.lower().startswith(NAMES))


def main():
    known: dict[str, str] = {}
    for package in dependencies(sys.argv[1]):
        print(f"{'=' * 80}\n{package['name']} {package['version']}: {package['license']}")
        if package.get("repository"):
            print(package["repository"])
        for file in texts(package):
            text = file.read_text(errors="replace").strip()
            label = f"{package['name']} {package['version']}, {file.name}"
            # Many packages carry the same text.
            print(f"\n{file.name}: as of {known[text]}" if text in known else f"\n{file.name}:\n\n{text}")
            known.setdefault(text, label)
        print()


if __name__ == "__main__":
    main()
