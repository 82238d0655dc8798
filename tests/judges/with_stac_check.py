"""stac-check: the best practices of the field.

Run offline: its linter would validate each document first, over the network, which is the other judges' work here.
Only the practices that our own documents follow are objections; the rest is advice, counted. Known to be wrong, and
therefore dropped: the bbox at the antimeridian, and a guess at swapped coordinates that fires for much of the Americas.
"""

from collections import Counter

from stac_check.lint import Linter

from good_catalog.scenes import is_scene
from tree import Verdict

NAME = "stac-check"
MUST = {
    "bbox_geometry_mismatch",
    "check_bbox_antimeridian",
    "check_catalog_id",
    "check_item_id",
    "check_links_title",
    "check_summaries",
    "check_thumbnail",
    "check_unlocated",
    "datetime_null",
    "geometry_coordinates_definite_errors",
    "null_geometry",
    "percent_encoded",
}
MISTAKEN = {"geometry_coordinates_order"}
AT_ANTIMERIDIAN = {"bbox_geometry_mismatch", "check_bbox_antimeridian"}


class OfflineLinter(Linter):
    """The linter without its validation. It is created once: creating it reads a configuration file."""

    def validate_file(self, file):
        return {"valid_stac": True}

    def practices(self, document):
        """The practices that a document breaks, by name, with what the linter says."""
        self.item, self.data = str(document.path), document.body
        self.asset_type = document.kind.upper()
        self.object_id = document.id
        # The linter cuts a file name at its first dot; ids may hold dots.
        self.file_name = document.path.name.removesuffix(".json")
        return self.create_best_practices_dict()


def judge(tree, schemas):
    linter = OfflineLinter({"type": "Catalog", "id": "none", "links": []})
    verdict, advice = Verdict(), Counter()
    for key, document in tree.documents.items():
        try:
            broken = linter.practices(document)
            crosses = is_scene(document) and document.body["bbox"][0] > document.body["bbox"][2]
        except (LookupError, TypeError, ValueError) as error:  # the linter takes for granted what a schema demands
            verdict.object_to(key, f"cannot be linted: {error!r}")
            continue
        verdict.checked += 1
        ours = document.is_level or is_scene(document)
        dropped = MISTAKEN | (AT_ANTIMERIDIAN if crosses else set())
        for practice in broken.keys() - dropped:
            if ours and practice in MUST:
                verdict.object_to(key, f"{practice}: {' '.join(broken[practice])}")
            else:
                advice[practice] += 1
    verdict.advice = [f"{practice} ({count} documents)" for practice, count in sorted(advice.items())]
    return verdict
