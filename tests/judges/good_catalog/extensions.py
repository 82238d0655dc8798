"""An extension is declared if, and only if, the document uses it.

A collection need not declare what only its summaries and item_assets mention, since that describes the items; it may.
"""

import re
from collections import Counter
from dataclasses import dataclass

from .scenes import is_scene

URL = re.compile(r"https://stac-extensions\.github\.io/(?P<name>[a-z0-9-]+)/v?\d+\.\d+\.\d+[a-z0-9.-]*/schema\.json#?")
OWN_PREFIXES = frozenset({"lazycat", "cbers", "amazonia"})


@dataclass(frozen=True)
class Traces:
    """How the use of an extension shows: in names `prefix:...`, in names of its own, or in relation types of links."""

    prefix: str = ""
    names: frozenset[str] = frozenset()
    relations: frozenset[str] = frozenset()


EXTENSIONS = {
    "alternate-assets": Traces("alternate", frozenset({"alternate"})),
    "authentication": Traces("auth"),
    "classification": Traces("classification"),
    "eo": Traces("eo"),
    "file": Traces("file"),
    "grid": Traces("grid"),
    "item-assets": Traces(names=frozenset({"item_assets"})),
    "processing": Traces("processing"),
    "product": Traces("product"),
    "projection": Traces("proj"),
    "raster": Traces("raster"),
    "render": Traces(names=frozenset({"renders"})),
    "sat": Traces("sat"),
    "scientific": Traces("sci"),
    "stats": Traces("stats"),
    "storage": Traces("storage"),
    "timestamps": Traces(names=frozenset({"published", "expires", "unpublished"})),
    "version": Traces(
        names=frozenset({"version", "deprecated", "experimental"}),
        relations=frozenset({"latest-version", "predecessor-version", "successor-version"}),
    ),
    "view": Traces("view"),
    "web-map-links": Traces(relations=frozenset({"xyz", "wmts", "wms", "pmtiles", "tilejson", "3d-tiles"})),
}
CORE_SINCE_1_1 = frozenset({"item-assets"})
DESCRIBES_ITEMS = ("summaries", "item_assets")
NOT_SEARCHED = ("geometry", "extent", "stac_extensions")


def judge(tree, verdict):
    for document in tree.documents.values():
        if document.is_level or is_scene(document):
            _judge_document(document, verdict)


def _judge_document(document, verdict):
    declared = _declared(document, verdict)
    own, described = _used(document)
    for name in sorted(own - declared - CORE_SINCE_1_1):
        verdict.object_to(document.key, f"uses the extension {name}, but does not declare it")
    for name in sorted(declared - own - described):
        verdict.object_to(document.key, f"declares the extension {name}, but does not use it")
    known = OWN_PREFIXES | {traces.prefix for traces in EXTENSIONS.values()}
    for prefix in sorted({name.split(":")[0] for name in _names(document.body) if ":" in name} - known):
        verdict.object_to(
            document.key, f"uses the prefix {prefix!r}, which belongs to no extension in the judges' table"
        )


def _declared(document, verdict):
    urls = document.body.get("stac_extensions") or []
    names = []
    for url in urls:
        match = URL.fullmatch(str(url))
        if match and match["name"] in EXTENSIONS:
            names.append(match["name"])
        else:
            verdict.object_to(document.key, f"declares an extension that the judges' table does not hold: {url}")
    for name, count in Counter(names).items():
        if count > 1:
            verdict.object_to(document.key, f"declares the extension {name} {count} times")
    return set(names)


def _used(document):
    """The extensions that the document itself uses, and those which only its description of its items mentions."""
    body = document.body
    own = {key: value for key, value in body.items() if key not in DESCRIBES_ITEMS}
    relations = {str(link.get("rel")) for link in document.links}
    # Names without a prefix count only where their extension puts them: a band or a provider may have a `version` too.
    places = [body, document.properties, *document.assets.values(), *document.links]
    bare = {name for place in places for name in place if ":" not in name}

    def extensions(names):
        prefixes = {name.split(":")[0] for name in names if ":" in name}
        return {name for name, traces in EXTENSIONS.items() if traces.prefix in prefixes}

    direct = {name for name, traces in EXTENSIONS.items() if traces.names & bare or traces.relations & relations}
    return extensions(_names(own)) | direct, extensions(_names(body))


def _names(value):
    """Every member name in a document, except inside the value of a prefixed member, which is its own affair."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            if ":" not in name and name not in NOT_SEARCHED:
                yield from _names(member)
    elif isinstance(value, list):
        for member in value:
            yield from _names(member)
