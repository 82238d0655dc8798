#!/usr/bin/env python3
"""Installs the packages of a table of generators into a cache of uv, so that nothing is installed when they run.

Usage: warm.py TABLE CACHE [UVX]
"""
import json
import os
import subprocess
import sys


def main(table: str, cache: str, uvx: str = "uvx"):
    with open(table) as file:
        stactools = json.load(file).get("stactools", {})
    # As lazycat has them where the table does not say.
    requirements = stactools.get("with", ["requests==2.32.5"])
    for package in stactools.get("packages", []):
        options = [option for one in (package, *requirements) for option in ("--with", one)]
        command = [uvx, "--quiet", "--from", stactools.get("stactools", "stactools==0.5.3"), *options, "stac", "--help"]
        environment = os.environ | {"UV_CACHE_DIR": cache, "UV_PYTHON_DOWNLOADS": "never"}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        print(f"{package} is in {cache}")


main(*sys.argv[1:])
