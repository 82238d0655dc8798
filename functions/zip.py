#!/usr/bin/env python3
"""Zips a function's binary as `bootstrap`, the same bytes for the same binary, and prints the sizes."""

import sys
import zipfile
from pathlib import Path

binary, archive = map(Path, sys.argv[1:])
archive.parent.mkdir(parents=True, exist_ok=True)
entry = zipfile.ZipInfo("bootstrap")
entry.external_attr = 0o755 << 16
entry.compress_type = zipfile.ZIP_DEFLATED
with zipfile.ZipFile(archive, "w") as file:
    file.writestr(entry, binary.read_bytes(), compresslevel=9)
print(f"{archive.name}: {archive.stat().st_size / 1e6:.2f} MB, unzipped {binary.stat().st_size / 1e6:.2f} MB")
