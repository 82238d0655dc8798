"""A catalog directory as the judges see it, and what a judge says about it."""

import json
import posixpath
from dataclasses import dataclass, field
from pathlib import Path

STATE_FOLDER = ".lazycat"
LEVEL_NAMES = {"Catalog": "catalog.json", "Collection": "collection.json"}
ROOT_KEY = "catalog.json"


@dataclass(frozen=True)
class Objection:
    """One thing that is wrong with one document, or with the whole catalog when `key` is empty."""

    key: str
    text: str

    def __str__(self):
        return f"{self.key or 'the catalog'}: {self.text}"


@dataclass
class Verdict:
    """What one judge found: how many documents it checked, what it objects to, and what it merely advises."""

    checked: int = 0
    objections: list[Objection] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def object_to(self, key, text):
        self.objections.append(Objection(key, str(text)))


@dataclass(frozen=True)
class Document:
    """One STAC document: its key (the path below the root, with `/`), its file and its parsed body."""

    key: str
    path: Path
    size: int
    body: dict

    @property
    def kind(self):
        """`Catalog`, `Collection` or `Item`."""
        return "Item" if self.body["type"] == "Feature" else self.body["type"]

    @property
    def is_level(self):
        return self.kind != "Item"

    @property
    def folder(self):
        """The level key: the folder that the document stands in, empty for the root."""
        return posixpath.dirname(self.key)

    @property
    def id(self):
        return self.body.get("id")

    @property
    def title(self):
        return _object(self.body.get("properties")).get("title") if self.kind == "Item" else self.body.get("title")

    @property
    def properties(self):
        return _object(self.body.get("properties"))

    @property
    def assets(self):
        return {key: asset for key, asset in _object(self.body.get("assets")).items() if isinstance(asset, dict)}

    @property
    def links(self):
        links = self.body.get("links")
        return [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []


@dataclass(frozen=True)
class Tree:
    """All STAC documents below a folder by key, and what was found that is none."""

    root: Path
    documents: dict[str, Document]
    strays: list[Objection]

    @property
    def items(self):
        return [document for document in self.documents.values() if document.kind == "Item"]

    @property
    def levels(self):
        return [document for document in self.documents.values() if document.is_level]

    def level_at(self, folder):
        """The catalog or collection document of a level, or none."""
        for name in LEVEL_NAMES.values():
            document = self.documents.get(posixpath.join(folder, name))
            if document:
                return document
        return None

    def parent_of(self, document):
        """The document that has to link this one: an item's own folder, a level's folder above; none for the root."""
        if not document.is_level:
            return self.level_at(document.folder)
        return self.level_at(posixpath.dirname(document.folder)) if document.folder else None

    def collection_of(self, document):
        """The nearest collection at or above the document's folder, or none."""
        folder = document.folder
        while True:
            level = self.level_at(folder)
            if level and level.kind == "Collection":
                return level
            if not folder:
                return None
            folder = posixpath.dirname(folder)


def read(folder):
    """Reads every file below `folder` but the embedded state, which is never served."""
    root = Path(folder).resolve()
    documents, strays = {}, []
    for path in sorted(root.rglob("*")):
        key = path.relative_to(root).as_posix()
        if not path.is_file() or key.split("/")[0] == STATE_FOLDER:
            continue
        text = path.read_bytes()
        if path.suffix not in (".json", ".geojson"):
            if _looks_like_json(text):
                strays.append(Objection(key, "is JSON without the name of a STAC document"))
            continue
        try:
            body = _parse(text)
        except ValueError as error:
            strays.append(Objection(key, f"is not strict JSON: {error}"))
            continue
        if not isinstance(body, dict) or body.get("type") not in ("Catalog", "Collection", "Feature"):
            strays.append(Objection(key, "is JSON, but not a STAC catalog, collection or item"))
            continue
        documents[key] = Document(key, path, len(text), body)
    return Tree(root, documents, strays)


def _object(value):
    return value if isinstance(value, dict) else {}


def _parse(text):
    def refuse_constant(name):
        raise ValueError(f"{name} is no JSON number")

    def refuse_duplicates(pairs):
        members = dict(pairs)
        if len(members) != len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"duplicate name {next(name for name in names if names.count(name) > 1)!r}")
        return members

    return json.loads(text.decode("utf-8"), parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)


def _looks_like_json(text):
    if not text.lstrip().startswith((b"{", b"[")):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
