"""rustac: a walk from the root that must reach every document, as a reader of another family sees the catalog.

It must be given an absolute path, and must set the root's self link to it: otherwise it follows the published one.
Children come in no particular order.
"""

import asyncio
from collections import Counter

import rustac

from tree import ROOT_KEY, Verdict

NAME = "rustac"


def judge(tree, schemas):
    verdict = Verdict()
    reached = Counter()
    expected = Counter((document.kind, document.id) for document in tree.documents.values())
    try:
        asyncio.run(_walk(str(tree.root / ROOT_KEY), reached))
    except Exception as error:  # whatever it is, the catalog cannot be walked
        verdict.object_to("", f"the walk ended early: {error}")
        return verdict
    verdict.checked = sum((reached & expected).values())
    for kind, name in expected - reached:
        verdict.object_to("", f"{kind} {name!r} stands on disk, but the walk does not reach it")
    for kind, name in reached - expected:
        verdict.object_to("", f"{kind} {name!r} is reached more often than it stands on disk")
    return verdict


async def _walk(href, reached):
    root = await rustac.read(href, set_self_link=True)
    async for container, _, items in rustac.walk(root):
        reached[(container.get("type"), container.get("id"))] += 1
        for item in items:
            reached[("Item", item.get("id"))] += 1
