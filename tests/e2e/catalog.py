"""The catalog as a reader finds it: over HTTP, with pystac, without credentials."""

from collections import Counter
from urllib.parse import unquote

import pystac


def read(url: str) -> tuple[Counter, list[pystac.Catalog]]:
    """Walks the catalog from its root: how often each item's key is linked, and all catalogs, the root first."""
    root = pystac.Catalog.from_file(f"{url}catalog.json")
    linked: Counter = Counter()
    catalogs, waiting = [], [root]
    while waiting:
        catalog = waiting.pop()
        catalogs.append(catalog)
        for link in catalog.links:
            if link.rel == pystac.RelType.ITEM:
                linked[unquote(link.absolute_href.removeprefix(url))] += 1
        waiting.extend(catalog.get_children())
    return linked, catalogs


def item(url: str, key: str) -> pystac.Item:
    return pystac.Item.from_file(f"{url}{key}")


def assert_sound(stack, expected: set[str] | None = None):
    """Every item of the bucket is linked exactly once, nothing that is linked is missing, and the items are these."""
    stored = {key for key in stack.keys() if not key.endswith(("catalog.json", "collection.json"))}
    linked, catalogs = read(stack.url)
    assert set(linked) == stored, f"not linked: {stored - set(linked)}; missing: {set(linked) - stored}"
    twice = {key: times for key, times in linked.items() if times != 1}
    assert not twice, f"linked more than once: {twice}"
    documents = {key for key in stack.keys() if key.endswith(("catalog.json", "collection.json"))}
    assert len(catalogs) == len(documents), "each catalog is reached once"
    if expected is not None:
        assert stored == expected, f"lost: {expected - stored}; unexpected: {stored - expected}"
