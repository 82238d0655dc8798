"""Structural links: relative, complete, titled as their targets are, leading where they should, in a fixed order."""

import posixpath
from collections import Counter, defaultdict
from itertools import groupby
from urllib.parse import unquote, urlsplit

from tree import ROOT_KEY

from .scenes import SCENE_COLLECTIONS, is_scene

STRUCTURAL = ("self", "root", "parent", "collection", "child", "item")
MEDIA_TYPES = {"Catalog": "application/json", "Collection": "application/json", "Item": "application/geo+json"}
KINDS = {"child": ("Catalog", "Collection"), "item": ("Item",), "collection": ("Collection",), "root": ("Catalog",)}


def judge(tree, verdict):
    linked = defaultdict(list)
    for document in tree.documents.values():
        targets = defaultdict(list)
        for link in document.links:
            if link.get("rel") in STRUCTURAL:
                target = _judge_link(tree, document, link, verdict)
                targets[link["rel"]].append(target)
                if target and link["rel"] in ("child", "item"):
                    linked[target.key].append(document.key)
        _judge_upward(tree, document, targets, verdict)
        _judge_order_of_entries(document, targets, verdict)
    _judge_reachability(tree, linked, verdict)
    _judge_order_of_relations(tree, verdict)


def _judge_link(tree, document, link, verdict):
    """Judges one structural link and gives its target, or none when it dangles."""

    def objection(text):
        verdict.object_to(document.key, f"{link['rel']} link to {link.get('href')!r}: {text}")

    for name in ("href", "type", "title"):
        if not isinstance(link.get(name), str) or not link[name]:
            objection(f"has no {name}")
    if link["rel"] == "self":
        target = _self_target(document, link, objection)
    else:
        target = _relative_target(tree, document, link, objection)
    if target is None:
        return None
    if target.kind not in KINDS.get(link["rel"], tuple(MEDIA_TYPES)):
        objection(f"leads to a document of the kind {target.kind}")
    if link.get("type") and link["type"] != MEDIA_TYPES[target.kind]:
        objection(f"has the type {link['type']!r} instead of {MEDIA_TYPES[target.kind]!r}")
    titles = _titles(target)
    if link.get("title") and link["title"] not in titles:
        objection(f"has the title {link['title']!r}, its target {titles[0]!r}")
    return target


def _titles(target):
    """What a link to this document may be called. What is foreign is linked by its id, which a key tells."""
    if target.kind == "Item" and not is_scene(target):
        return [target.id, target.title]
    if target.kind == "Collection" and target.id not in SCENE_COLLECTIONS:
        return [target.id, target.title]
    return [target.title]


def _self_target(document, link, objection):
    parts = urlsplit(str(link.get("href")))
    if document.key != ROOT_KEY:
        objection("only the root has a self link")
    elif parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.endswith(f"/{ROOT_KEY}"):
        objection(f"is not the absolute public URL of {ROOT_KEY}")
    return document


def _relative_target(tree, document, link, objection):
    href = str(link.get("href"))
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or href.startswith("/"):
        objection("is not relative")
        return None
    if parts.query or parts.fragment:
        objection("has a query or a fragment")
    key = posixpath.normpath(posixpath.join(document.folder, unquote(parts.path)))
    target = tree.documents.get(key)
    if target is None:
        objection("leads to no document of the catalog")
    return target


def _judge_upward(tree, document, targets, verdict):
    expected = {"root": tree.documents.get(ROOT_KEY), "parent": tree.parent_of(document)}
    if document.kind == "Item" or targets["collection"]:
        expected["collection"] = tree.collection_of(document)
    for rel, target in expected.items():
        wanted = [target] if target else []
        if targets[rel] != wanted:
            found = [found.key if found else "nothing" for found in targets[rel]]
            wanted = [document.key for document in wanted]
            verdict.object_to(document.key, f"{rel} links lead to {found} instead of {wanted}")
    if document.kind == "Item":
        collection = tree.collection_of(document)
        if document.body.get("collection") != (collection.id if collection else None):
            name = document.body.get("collection")
            verdict.object_to(
                document.key, f"names the collection {name!r}, but stands below {collection and collection.id!r}"
            )
    if len(targets["self"]) > 1:
        verdict.object_to(document.key, "has more than one self link")


def _judge_order_of_entries(document, targets, verdict):
    """Children by key, items by date and then by key: the order must follow from the listing alone."""
    children = [target.key for target in targets["child"] if target]
    if children != sorted(children):
        verdict.object_to(document.key, "child links are not in the order of their keys")
    items = [target for target in targets["item"] if target]
    by_key = [target.key for target in items]
    by_date = [(str(target.properties.get("datetime"))[:10], target.key) for target in items]
    # A listing tells the date of a scene, but not that of a foreign item.
    foreign = any(not is_scene(target) for target in items)
    if by_date != sorted(by_date) and not (foreign and by_key == sorted(by_key)):
        verdict.object_to(document.key, "item links are not in the order of their dates")


def _judge_reachability(tree, linked, verdict):
    for document in tree.documents.values():
        parent = tree.parent_of(document)
        parents = Counter(linked[document.key])
        expected = Counter([parent.key] if parent and document.key != ROOT_KEY else [])
        if parents != expected:
            found = sorted(parents.elements())
            verdict.object_to(
                document.key, f"is linked from {found or 'nowhere'}, not once from {list(expected) or 'nowhere'}"
            )


def _judge_order_of_relations(tree, verdict):
    """The relations stand in one order in all documents of a kind, those to children together."""
    orders = defaultdict(list)
    for document in tree.documents.values():
        relations = [
            rel for rel, _ in groupby(link.get("rel") for link in document.links if link.get("rel") in STRUCTURAL)
        ]
        if len(set(relations)) != len(relations):
            verdict.object_to(document.key, f"links of one relation do not stand together: {relations}")
            continue
        orders[document.kind].append((document.key, relations))
    for found in orders.values():
        rank = {}
        for key, relations in found:
            for earlier, later in ((a, b) for i, a in enumerate(relations) for b in relations[i + 1 :]):
                first = rank.setdefault(frozenset((earlier, later)), (earlier, key))
                if first[0] != earlier:
                    verdict.object_to(key, f"the {earlier} link stands before the {later} link, unlike in {first[1]}")
