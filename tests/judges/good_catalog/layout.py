"""Files and identity: one level document a folder, `<id>.json` for items, ids, titles, versions, revisions, sizes."""

import posixpath
import re
from collections import defaultdict

from tree import LEVEL_NAMES, ROOT_KEY

from .scenes import expected_collection, expected_key, is_scene, iso_date, scene_id

ID = re.compile(r"[A-Za-z0-9_.-]+")
REVISION = "lazycat:revision"
LARGEST_LEVEL_BYTES = 1_000_000
MANY_LINKS = 1_000


def judge(tree, verdict):
    root = tree.documents.get(ROOT_KEY)
    if root is None or root.kind != "Catalog":
        verdict.object_to("", f"there is no catalog at its root, {ROOT_KEY}")
    for document in tree.documents.values():
        _judge_name(tree, document, verdict)
        _judge_identity(document, verdict)
        _judge_revision(document, verdict)
        if document.is_level:
            _judge_size(document, verdict)
        elif is_scene(document) or scene_id(document):
            _judge_scene(document, verdict)
    _judge_unique_ids(tree, verdict)
    _judge_versions(tree, verdict)
    _judge_siblings(tree, verdict)


def _judge_name(tree, document, verdict):
    expected = LEVEL_NAMES.get(document.kind, f"{document.id}.json")
    if posixpath.basename(document.key) != expected:
        verdict.object_to(document.key, f"{document.kind} {document.id!r} has to be called {expected}")
    if document.kind == "Item" and not document.folder:
        verdict.object_to(document.key, "an item cannot stand in the root")
    if document.key == "collection.json" or all(
        posixpath.join(document.folder, name) in tree.documents for name in LEVEL_NAMES.values()
    ):
        verdict.object_to(document.key, "a level has one document, and the root is a catalog")
    folder = document.folder
    if not tree.level_at(folder):
        verdict.object_to(document.key, f"no catalog or collection stands in its folder, {folder or 'the root'}")
    while folder:
        folder = posixpath.dirname(folder)
        if not tree.level_at(folder):
            verdict.object_to(document.key, f"no catalog or collection stands in {folder or 'the root'} above it")


def _judge_identity(document, verdict):
    if not isinstance(document.id, str) or not ID.fullmatch(document.id):
        verdict.object_to(document.key, f"the id {document.id!r} is not made of letters, digits, '_', '.' and '-'")
    ours = document.is_level or is_scene(document)
    if ours and not (isinstance(document.title, str) and document.title.strip()):
        verdict.object_to(document.key, "has no title")


def _judge_revision(document, verdict):
    revision = document.body.get(REVISION)
    if document.is_level:
        if isinstance(revision, bool) or not isinstance(revision, int) or revision < 1:
            verdict.object_to(document.key, f"{REVISION} has to be a positive integer, and is {revision!r}")
    elif REVISION in document.body or REVISION in document.properties:
        verdict.object_to(document.key, f"an item has no {REVISION}")


def _judge_size(document, verdict):
    if document.size > LARGEST_LEVEL_BYTES:
        verdict.object_to(document.key, f"is {document.size} bytes long; a level stays under {LARGEST_LEVEL_BYTES}")
    if len(document.links) > MANY_LINKS:
        verdict.advice.append(f"{document.key} has {len(document.links)} links; browsers slow down past {MANY_LINKS}")


def _judge_scene(document, verdict):
    scene = scene_id(document)
    if scene is None:
        verdict.object_to(
            document.key, f"the id {document.id!r} is not spelt like a scene of {document.body['collection']}"
        )
        return
    if document.key != expected_key(scene):
        verdict.object_to(document.key, f"this scene has to stand at {expected_key(scene)}")
    if document.body.get("collection") != expected_collection(scene):
        verdict.object_to(document.key, f"this scene belongs to the collection {expected_collection(scene)}")
    date = iso_date(scene)
    for part in (date, f"{scene['path']}/{scene['row']}"):
        if part not in str(document.title):
            verdict.object_to(document.key, f"the title {document.title!r} does not carry {part}")
    if not str(document.properties.get("datetime")).startswith(date):
        verdict.object_to(document.key, f"the datetime {document.properties.get('datetime')!r} is not on {date}")


def _judge_unique_ids(tree, verdict):
    keys = defaultdict(list)
    for document in tree.documents.values():
        keys[document.id if isinstance(document.id, str) else None].append(document.key)
    for name, bearers in keys.items():
        for key in bearers[1:]:
            verdict.object_to(key, f"the id {name!r} is that of {bearers[0]} too")


def _judge_versions(tree, verdict):
    for item in tree.items:
        collection = tree.collection_of(item)
        if collection and item.body.get("stac_version") != collection.body.get("stac_version"):
            versions = item.body.get("stac_version"), collection.body.get("stac_version")
            verdict.object_to(item.key, "stac_version is {!r}, its collection's is {!r}".format(*versions))


def _judge_siblings(tree, verdict):
    """The same kind of object at each level. Only the root may hold several grids, each beginning in its own way."""
    kinds = defaultdict(set)
    for document in tree.documents.values():
        parent = tree.parent_of(document)
        if parent and parent is not document and parent.key != ROOT_KEY:
            kinds[parent.key].add(document.kind)
    for key, found in kinds.items():
        if len(found) > 1:
            verdict.object_to(key, f"holds {' and '.join(sorted(found))} side by side")
