"""pystac: a walk from the root that must reach every document, links that point back, ids, extents, and the schemas.

pystac's own validator fetches and re-checks each schema for each document; here it validates through the schema files,
each compiled once, and the document as it stands on disk (pystac migrates an old one while reading it).
"""

import json
from collections import Counter

import jsonschema
import pystac
from jsonschema.exceptions import best_match
from pystac.validation.schema_uri_map import DefaultSchemaUriMap
from pystac.validation.stac_validator import STACValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from good_catalog.coverage import covers_area, covers_time
from schemas import plain
from tree import ROOT_KEY, Verdict

NAME = "pystac"


def judge(tree, schemas):
    verdict = Verdict()
    reached = Counter()
    root = pystac.Catalog.from_file(str(tree.root / ROOT_KEY))
    _visit(root, None, _Walk(tree, root, reached, verdict))
    verdict.checked = sum(1 for key in tree.documents if reached[key])
    for key in tree.documents:
        if reached[key] != 1:
            verdict.object_to(key, f"is reached {reached[key]} times by a walk from the root")
    for name, count in Counter(document.id for document in tree.documents.values()).items():
        if count > 1:
            verdict.object_to("", f"the id {name!r} is borne by {count} documents")
    _validate(tree, schemas, verdict)
    return verdict


class _Walk:
    def __init__(self, tree, root, reached, verdict):
        self.tree, self.root, self.reached, self.verdict = tree, root, reached, verdict
        self.hrefs = {document.path.as_posix(): key for key, document in tree.documents.items()}

    def key(self, href):
        return self.hrefs.get(href, href)

    def object_to(self, href, text):
        self.verdict.object_to(self.key(href), text)


def _visit(entry, collection, walk):
    href = entry.get_self_href()
    walk.reached[walk.key(href)] += 1
    if walk.reached[walk.key(href)] > 1:
        return
    if isinstance(entry, pystac.Collection):
        collection = entry
    for link in entry.get_links("item") + entry.get_links("child"):
        try:
            # Read afresh, so that its links are the document's own and not those which the walk gives it.
            target = pystac.read_file(link.get_absolute_href())
        except Exception as error:
            walk.object_to(href, f"the {link.rel} link to {link.href} does not resolve: {error}")
            continue
        _points_back(target, "parent", href, walk)
        _points_back(target, "root", walk.root.get_self_href(), walk)
        if isinstance(target, pystac.Item) != (link.rel == "item"):
            walk.object_to(href, f"the {link.rel} link to {link.href} leads to another kind of document")
        if isinstance(target, pystac.Item):
            _judge_item(target, collection, walk)
        _visit_target(target, collection, walk)


def _visit_target(target, collection, walk):
    if isinstance(target, pystac.Catalog):
        _visit(target, collection, walk)
    else:
        walk.reached[walk.key(target.get_self_href())] += 1


def _points_back(target, rel, expected, walk):
    links = target.get_links(rel)
    found = [link.get_absolute_href() for link in links]
    if found != [expected]:
        keys = [walk.key(href) for href in found]
        walk.object_to(target.get_self_href(), f"{rel} links lead to {keys}, not to {walk.key(expected)} alone")


def _judge_item(item, collection, walk):
    href = item.get_self_href()
    if collection is None:
        if item.collection_id is not None:
            walk.object_to(href, f"names the collection {item.collection_id!r}, but stands below none")
        return
    if item.collection_id != collection.id:
        walk.object_to(href, f"names the collection {item.collection_id!r}, but stands below {collection.id!r}")
    _points_back(item, "collection", collection.get_self_href(), walk)
    if item.bbox and not covers_area(collection.extent.spatial.bboxes, item.bbox):
        walk.object_to(href, f"the spatial extent of {collection.id} does not cover the bbox {item.bbox}")
    times = [item.datetime, item.common_metadata.start_datetime, item.common_metadata.end_datetime]
    for time in filter(None, times):
        if not covers_time(collection.extent.temporal.intervals, time):
            walk.object_to(href, f"the temporal extent of {collection.id} does not cover {time.isoformat()}")


def _validate(tree, schemas, verdict):
    validator = MappedValidator(schemas)
    for key, document in tree.documents.items():
        try:
            pystac.validation.validate_dict(
                document.body,
                extensions=schemas.extensions_to_judge(document.body),
                stac_version=document.body.get("stac_version"),
                validator=validator,
            )
        except Exception as error:
            verdict.object_to(key, error)


class MappedValidator(STACValidator):
    """Validates against the schema files, each in the draft that it names. An unknown schema is an error."""

    def __init__(self, schemas):
        self.schemas = schemas
        self.core_schema_urls = DefaultSchemaUriMap()
        self.compiled = {}
        contents = {url: json.loads(path.read_text(encoding="utf-8")) for url, path in schemas.files.items()}
        self.contents = contents
        self.registry = Registry().with_resources(
            (url, Resource.from_contents(content, default_specification=DRAFT7)) for url, content in contents.items()
        )

    def validate_core(self, stac_dict, stac_object_type, stac_version, href=None):
        self._validate(self.core_schema_urls.get_object_schema_uri(stac_object_type, stac_version), stac_dict)

    def validate_extension(self, stac_dict, stac_object_type, stac_version, extension_id, href=None):
        self._validate(extension_id, stac_dict)

    def _validate(self, url, stac_dict):
        if not isinstance(url, str) or plain(url) not in self.contents:
            raise pystac.STACValidationError(f"unknown schema {url}")
        if url not in self.compiled:
            schema = self.contents[plain(url)]
            draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)
            draft.check_schema(schema)
            self.compiled[url] = draft(schema, registry=self.registry)
        error = best_match(self.compiled[url].iter_errors(stac_dict))
        if error:
            raise pystac.STACValidationError(f"{url}: {error.json_path} {error.message[:500]}")
