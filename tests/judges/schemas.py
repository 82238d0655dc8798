"""Where the JSON schemas come from. None is ever fetched.

`LAZYCAT_SCHEMAS` names a folder with an `index.json` of the form `{"schemas": {URL: path below the folder}}`.
Without it the core schemas that pystac brings along are used, and the extensions' schemas are not judged; the account
says so.
"""

import importlib.resources
import json
import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "LAZYCAT_SCHEMAS"
STAC_VERSION_OF_PYSTAC = "1.1.0"


class SchemaFolderError(Exception):
    """The folder that `LAZYCAT_SCHEMAS` names cannot be used."""


@dataclass(frozen=True)
class Schemas:
    """Schema files by URL (without `#`), and whether the extensions' are among them."""

    files: dict[str, Path]
    with_extensions: bool

    def extensions_to_judge(self, body):
        """The extension URLs of a document that must be validated: all that it declares, or none."""
        declared = body.get("stac_extensions")
        return list(declared) if self.with_extensions and isinstance(declared, list) else []

    def unknown(self, body):
        """The extension URLs to judge for which there is no schema. Each of them is an error."""
        declared = self.extensions_to_judge(body)
        return [url for url in declared if not isinstance(url, str) or plain(url) not in self.files]

    def account(self):
        if self.with_extensions:
            return f"{len(self.files)} schemas, core and extensions, from ${VARIABLE}"
        core = f"core {STAC_VERSION_OF_PYSTAC} schemas of pystac"
        return f"{core}; EXTENSION SCHEMAS ARE NOT JUDGED (${VARIABLE} is not set)"


def plain(url):
    """A schema URL without the empty fragment that some identifiers end in."""
    return url.removesuffix("#")


def load():
    """Finds the schemas. A folder that is named must be there and complete: there is no falling back."""
    folder = os.environ.get(VARIABLE, "").strip()
    return from_folder(Path(folder)) if folder else bundled_core()


def from_folder(folder):
    index = folder.resolve() / "index.json"
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))["schemas"]
        files = {plain(url): index.parent / path for url, path in entries.items()}
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise SchemaFolderError(f"${VARIABLE}: {index} cannot be read: {error!r}") from error
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing or not files:
        absent = ", ".join(missing) or "it names none at all"
        raise SchemaFolderError(f"${VARIABLE}: {index} names files that are not there: {absent}")
    return Schemas(files, with_extensions=True)


def bundled_core():
    """Of the judges' packages only pystac's holds schemas. They are named by file, since one `$id` has a typo."""
    folder = Path(str(importlib.resources.files("pystac.validation") / "jsonschemas"))
    core = folder / "stac-spec" / f"v{STAC_VERSION_OF_PYSTAC}"
    files = {f"https://geojson.org/schema/{path.name}": path for path in (folder / "geojson").glob("*.json")}
    for path in core.glob("*.json"):
        part = path.stem if path.stem in ("catalog", "collection") else "item"
        files[f"https://schemas.stacspec.org/v{STAC_VERSION_OF_PYSTAC}/{part}-spec/json-schema/{path.name}"] = path
    if not files:
        raise SchemaFolderError("this pystac brings no schemas along")
    return Schemas(files, with_extensions=False)
