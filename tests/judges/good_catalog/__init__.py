"""The project's own rules for a good static catalog: what the field's validators do not look at.

Each module judges one side: `layout` (files, ids, titles, revisions), `links`, `items` (footprint and assets) and
`extensions`.
"""

from tree import Verdict

from . import extensions, items, layout, links

NAME = "good static catalog"


def judge(tree, schemas):
    verdict = Verdict(checked=len(tree.documents), objections=list(tree.strays))
    for part in (layout, links, items, extensions):
        part.judge(tree, verdict)
    return verdict
