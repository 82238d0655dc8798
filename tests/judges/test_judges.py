"""Shows that the judges accept a good catalog and that each way of breaking it is caught by those who should see it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import judge
import offline
import sample
import schemas
import tree
from good_catalog import footprint
from sample import COLLECTION, CROSSING_ITEM, EXTENSIONS, ITEM, LATER_ITEM, ROW

OWN, PYSTAC, RUSTAC = "good_catalog", "with_pystac", "with_rustac"
NODE, STAC_VALID, STAC_CHECK = "with_stac_node_validator", "with_stac_valid", "with_stac_check"
SCHEMA_JUDGES = (NODE, STAC_VALID, PYSTAC)
FOUND = schemas.load()
needs_extension_schemas = pytest.mark.skipif(
    not FOUND.with_extensions, reason=f"${schemas.VARIABLE} is not set: there are no extension schemas to judge by"
)


@pytest.fixture(scope="session", autouse=True)
def no_network():
    offline.refuse_network()


@dataclass
class Break:
    """A way to break the sample, before or after it is written, and what which judge has to say about it."""

    name: str
    says: dict[str, str]
    documents: Callable = lambda documents: None
    folder: Callable = lambda folder: None
    marks: list = field(default_factory=list)


def links(document, rel):
    return [link for link in document["links"] if link["rel"] == rel]


def edit(key, change):
    return lambda documents: change(documents[key])


def edit_link(key, rel, /, **members):
    return edit(key, lambda document: links(document, rel)[0].update(members))


def drop_from_link(key, rel, member):
    return edit(key, lambda document: links(document, rel)[0].pop(member))


def edit_property(name, value):
    return edit(ITEM, lambda item: item["properties"].update({name: value}))


def edit_asset(name, **members):
    return edit(ITEM, lambda item: item["assets"][name].update(members))


def swap_first_two(key, rel):
    def change(document):
        first, second = (document["links"].index(link) for link in links(document, rel)[:2])
        document["links"][first], document["links"][second] = document["links"][second], document["links"][first]

    return edit(key, change)


def twin_in_another_row(documents):
    """The very same item once more, properly linked, one row further."""
    key = ITEM.replace("/121/", "/122/")
    documents[key] = json.loads(json.dumps(documents[ITEM]))
    row = "CBERS4/MUX/057/122/catalog.json"
    links(documents[key], "parent")[0]["title"] = documents[row]["title"]
    documents[row]["links"].append(links(documents[ROW], "item")[0])


def unlink(key, rel, number):
    return edit(key, lambda document: document["links"].remove(links(document, rel)[number]))


def rename(key, new):
    return lambda folder: Path(folder, key).rename(Path(folder, new))


def write(key, text):
    return lambda folder: Path(folder, key).write_text(text, encoding="utf-8")


def replace_text(key, old, new):
    def change(folder):
        path = Path(folder, key)
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


UNKNOWN_EXTENSION = "https://stac-extensions.github.io/view/v9.9.9/schema.json"
BREAKS = [
    # Links
    Break(
        "an item link dangles",
        {OWN: "leads to no document", PYSTAC: "does not resolve", RUSTAC: "ended early"},
        folder=lambda folder: Path(folder, LATER_ITEM).unlink(),
    ),
    Break(
        "a child link dangles",
        {OWN: "leads to no document", PYSTAC: "does not resolve", RUSTAC: "ended early"},
        folder=lambda folder: Path(folder, "CBERS4/MUX/057/123/catalog.json").unlink(),
    ),
    Break("an item link has a wrong title", {OWN: "has the title"}, edit_link(ROW, "item", title="CBERS-4 MUX")),
    Break("a parent link has a wrong title", {OWN: "has the title"}, edit_link(ITEM, "parent", title="Row 999")),
    Break("an item is linked by its id", {OWN: "has the title"}, edit_link(ROW, "item", title=Path(ITEM).stem)),
    Break(
        "a link has no title",
        {OWN: "has no title", STAC_CHECK: "check_links_title"},
        drop_from_link(ROW, "item", "title"),
    ),
    Break("a link has no type", {OWN: "has no type"}, drop_from_link(ROW, "item", "type")),
    Break("an item link has the type of JSON", {OWN: "has the type"}, edit_link(ROW, "item", type="application/json")),
    Break(
        "a link is absolute",
        {OWN: "is not relative", PYSTAC: "does not resolve"},
        edit_link(ROW, "item", href=f"https://catalog.example.com/{ITEM}"),
    ),
    Break(
        "a link starts at the server's root", {OWN: "is not relative"}, edit_link(ITEM, "root", href="/catalog.json")
    ),
    Break(
        "a level other than the root has a self link",
        {OWN: "only the root"},
        edit(ROW, lambda row: row["links"].append({**links(row, "root")[0], "rel": "self"})),
    ),
    Break(
        "the root's self link is relative",
        {OWN: "absolute public URL"},
        edit_link("catalog.json", "self", href="./catalog.json"),
    ),
    Break(
        "a parent link leads to the wrong level",
        {OWN: "parent links lead to", PYSTAC: "parent links lead to"},
        edit_link(ROW, "parent", href="../../collection.json", title="CBERS-4 MUX"),
    ),
    Break("an item has no parent link", {OWN: "parent links", PYSTAC: "parent links"}, unlink(ITEM, "parent", 0)),
    Break("a level has no root link", {OWN: "root links", PYSTAC: "root links"}, unlink(ROW, "root", 0)),
    Break(
        "an item has no collection link",
        {OWN: "collection links", PYSTAC: "collection links", **dict.fromkeys((NODE, STAC_VALID), "collection")},
        unlink(ITEM, "collection", 0),
    ),
    Break(
        "an item is called a child",
        {OWN: "kind Item", PYSTAC: "another kind"},
        edit_link(ROW, "item", rel="child"),
    ),
    Break(
        "an item is linked by nobody",
        {OWN: "from nowhere", PYSTAC: "reached 0 times", RUSTAC: "does not reach"},
        unlink(ROW, "item", 1),
    ),
    Break(
        "a level is linked by nobody",
        {OWN: "from nowhere", PYSTAC: "reached 0 times", RUSTAC: "does not reach"},
        unlink("CBERS4/MUX/057/catalog.json", "child", 2),
    ),
    Break(
        "an item is linked twice",
        {OWN: "not once from", PYSTAC: "reached 2 times", RUSTAC: "more often"},
        edit(ROW, lambda row: row["links"].append(dict(links(row, "item")[-1]))),
    ),
    Break(
        "children are out of order",
        {OWN: "order of their keys"},
        swap_first_two("CBERS4/MUX/057/catalog.json", "child"),
    ),
    Break("items are out of order", {OWN: "order of their dates"}, swap_first_two(ROW, "item")),
    Break(
        "parent and root links change places",
        {OWN: "stands before"},
        edit(ROW, lambda row: row["links"].insert(0, row["links"].pop(1))),
    ),
    # Layout and identity
    Break(
        "two items have one id",
        {OWN: "is that of", PYSTAC: "borne by 2 documents"},
        twin_in_another_row,
    ),
    Break(
        "an id holds a colon",
        {OWN: "is not made of", STAC_CHECK: "percent_encoded"},
        edit(ROW, lambda row: row.update(id="CBERS4:MUX:057:121")),
    ),
    Break(
        "an item file is not called by its id",
        {OWN: "has to be called", STAC_CHECK: "check_item_id"},
        folder=rename(LATER_ITEM, LATER_ITEM.replace("_L4", "_L3")),
    ),
    Break(
        "a scene stands in another row's folder",
        {OWN: "this scene has to stand at"},
        folder=rename(LATER_ITEM, LATER_ITEM.replace("121/", "122/", 1)),
    ),
    Break(
        "a collection is called catalog.json",
        {OWN: "has to be called", STAC_CHECK: "check_catalog_id"},
        folder=rename(COLLECTION, COLLECTION.replace("collection", "catalog")),
    ),
    Break(
        "a folder holds a catalog and a collection",
        {OWN: "one document"},
        lambda documents: documents.update({"CBERS4/MUX/catalog.json": {**documents[ROW], "id": "second"}}),
    ),
    Break(
        "a folder in between holds no level",
        {OWN: "above it"},
        folder=lambda folder: Path(folder, "CBERS4/catalog.json").unlink(),
    ),
    Break("a level has no title", {OWN: "has no title"}, edit(ROW, lambda row: row.pop("title"))),
    Break(
        "an item's title does not carry its date",
        {OWN: "does not carry 2017-06-18"},
        edit_property("title", "CBERS-4 MUX 057/121 L2"),
    ),
    Break("a revision is zero", {OWN: "positive integer"}, edit(ROW, lambda row: row.update({"lazycat:revision": 0}))),
    Break("a revision is missing", {OWN: "positive integer"}, edit(COLLECTION, lambda it: it.pop("lazycat:revision"))),
    Break(
        "an item has a revision",
        {OWN: "no lazycat:revision"},
        edit(ITEM, lambda it: it.update({"lazycat:revision": 1})),
    ),
    Break(
        "a collection and its items are of different versions",
        {OWN: "stac_version is '1.0.0'"},
        edit(ITEM, lambda item: item.update(stac_version="1.0.0")),
    ),
    Break("a file is JSON, but not STAC", {OWN: "not a STAC"}, folder=write("CBERS4/list.json", '{"type": "List"}')),
    Break(
        "a half-done write is left behind", {OWN: "without the name"}, folder=write("CBERS4/.catalog.json.tmp", "{}")
    ),
    Break("a number is NaN", {OWN: "NaN is no JSON number"}, folder=replace_text(ITEM, '"gsd": 20', '"gsd": NaN')),
    Break("a name occurs twice", {OWN: "duplicate name 'id'"}, folder=replace_text(ROW, '"id":', '"id": "x", "id":')),
    # Items
    Break(
        "a bbox does not contain the geometry",
        {OWN: "not the envelope", STAC_CHECK: "bbox_geometry_mismatch"},
        edit(ITEM, lambda item: item.update(bbox=[23.5, 13.75, 24.5, 15.0])),
    ),
    Break(
        "a bbox goes round the globe instead of across the antimeridian",
        {OWN: "not the envelope", STAC_CHECK: "check_bbox_antimeridian"},
        edit(CROSSING_ITEM, lambda item: item.update(bbox=[-180, 4.0, 180, 5.5])),
    ),
    Break(
        "a geometry is not cut at the antimeridian",
        {OWN: "more than 180 degrees"},
        edit(
            CROSSING_ITEM,
            lambda item: item.update(
                geometry={"type": "Polygon", "coordinates": [sample.ring(-179.5, 4.0, 179.25, 5.5)]},
                bbox=[-179.5, 4.0, 179.25, 5.5],
            ),
        ),
    ),
    Break(
        "an exterior ring goes clockwise",
        {OWN: "right-hand rule"},
        edit(ITEM, lambda item: item["geometry"]["coordinates"][0][0].reverse()),
    ),
    Break(
        "a latitude is out of range",
        {OWN: "latitudes -90 to 90", STAC_CHECK: "definite_errors"},
        edit(
            ITEM,
            lambda item: item.update(
                geometry={"type": "Polygon", "coordinates": [sample.ring(23.5, 13.75, 24.75, 95.0)]},
                bbox=[23.5, 13.75, 24.75, 95.0],
            ),
        ),
    ),
    Break(
        "the collection's box does not cover an item",
        {PYSTAC: "spatial extent"},
        edit(COLLECTION, lambda it: it["extent"]["spatial"].update(bbox=[[-90, -83, 23.6, 83]])),
    ),
    Break(
        "the collection's interval does not cover an item",
        {PYSTAC: "temporal extent"},
        edit(COLLECTION, lambda it: it["extent"]["temporal"].update(interval=[["2017-07-01T00:00:00Z", None]])),
    ),
    Break("an asset is not on https", {OWN: "over https"}, edit_asset("B5", href="s3://cbers-pds/CBERS4/x.tif")),
    Break("a band has no s3 alternate", {OWN: "no alternate.s3.href"}, edit_asset("B5", alternate={})),
    Break(
        "the s3 alternate is another object",
        {OWN: "another object"},
        edit_asset("B5", alternate={"s3": {"href": "s3://cbers-pds/elsewhere.tif"}}),
    ),
    Break("a band is not declared a COG", {OWN: "a band has the type"}, edit_asset("B5", type="image/tiff")),
    Break("no asset has the role thumbnail", {OWN: "role thumbnail"}, edit_asset("thumbnail", roles=["overview"])),
    Break(
        "the thumbnail is no image",
        {OWN: "no JPEG or PNG", STAC_CHECK: "check_thumbnail"},
        edit_asset("thumbnail", type="text/html"),
    ),
    # Schemas and extensions
    Break(
        "an item has no datetime",
        dict.fromkeys(SCHEMA_JUDGES, "datetime"),
        edit(ITEM, lambda item: item["properties"].pop("datetime")),
    ),
    Break(
        "a catalog has no description",
        dict.fromkeys(SCHEMA_JUDGES, "description"),
        edit(ROW, lambda row: row.pop("description")),
    ),
    Break(
        "a collection has no licence",
        dict.fromkeys(SCHEMA_JUDGES, "license"),
        edit(COLLECTION, lambda collection: collection.pop("license")),
    ),
    Break(
        "a document has no stac_version",
        {NODE: "was skipped", STAC_VALID: "MissingSTACVersion", PYSTAC: "does not represent"},
        edit(ROW, lambda row: row.pop("stac_version")),
    ),
    Break(
        "a STAC version is one that no schema is known for",
        {NODE: "unknown schema", STAC_VALID: "work offline", PYSTAC: "unknown schema"},
        edit(ROW, lambda row: row.update(stac_version="1.1.0-beta.1")),
    ),
    Break(
        "an extension's schema is unknown",
        {NODE: UNKNOWN_EXTENSION, STAC_VALID: UNKNOWN_EXTENSION, PYSTAC: UNKNOWN_EXTENSION},
        edit(ITEM, lambda item: item["stac_extensions"].append(UNKNOWN_EXTENSION)),
        marks=[needs_extension_schemas],
    ),
    Break(
        "an extension is from elsewhere",
        {OWN: "table does not hold"},
        edit(ITEM, lambda item: item["stac_extensions"].append("https://example.com/extension/schema.json")),
    ),
    Break(
        "a projection field is invalid",
        dict.fromkeys(SCHEMA_JUDGES, "proj"),
        edit_property("proj:code", 32635),
        marks=[needs_extension_schemas],
    ),
    Break(
        "a field of a band is invalid",
        dict.fromkeys(SCHEMA_JUDGES, "eo"),
        edit_asset("B5", bands=[{"name": "B5", "eo:common_name": "ultraviolet"}]),
        marks=[needs_extension_schemas],
    ),
    Break(
        "an orbit state is misspelt",
        dict.fromkeys(SCHEMA_JUDGES, "sat"),
        edit_property("sat:orbit_state", "Descending"),
        marks=[needs_extension_schemas],
    ),
    Break(
        "an extension is used, but not declared",
        {OWN: "uses the extension view"},
        edit(ITEM, lambda item: item["stac_extensions"].remove(next(url for url in EXTENSIONS if "/view/" in url))),
    ),
    Break(
        "an extension is declared, but not used",
        {OWN: "declares the extension grid"},
        edit(
            ITEM,
            lambda item: item["stac_extensions"].append("https://stac-extensions.github.io/grid/v1.1.0/schema.json"),
        ),
    ),
    Break(
        "a collection declares what only its items use",
        {OWN: "declares the extension view"},
        edit(COLLECTION, lambda it: it.update(stac_extensions=[url for url in EXTENSIONS if "/view/" in url])),
    ),
    Break("a field has a prefix of nobody's", {OWN: "prefix 'inpe'"}, edit_property("inpe:station", "CP")),
]


def judged(folder, *modules):
    """The objections of some judges to a folder, as one text per judge."""
    catalog = tree.read(folder)
    verdicts = {module: judge.judge_with(module, catalog, FOUND)[1] for module in modules}
    return {module: "\n".join(map(str, verdict.objections)) for module, verdict in verdicts.items()}


@pytest.fixture
def good_folder(tmp_path):
    sample.write(sample.documents(), tmp_path)
    return tmp_path


@pytest.mark.parametrize("module", judge.JUDGES)
def test_every_judge_accepts_the_sample(good_folder, module):
    assert judged(good_folder, module) == {module: ""}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name, marks=case.marks) for case in BREAKS])
def test_what_is_broken_is_caught(tmp_path, case):
    documents = sample.documents()
    case.documents(documents)
    sample.write(documents, tmp_path)
    case.folder(tmp_path)
    found = judged(tmp_path, *case.says)
    for module, fragment in case.says.items():
        assert fragment in found[module], f"{module} says:\n{found[module] or 'nothing'}"


def test_the_embedded_state_is_not_judged(good_folder):
    (good_folder / ".lazycat").mkdir()
    (good_folder / ".lazycat" / "state.json").write_text("not even JSON", encoding="utf-8")
    assert judged(good_folder, OWN) == {OWN: ""}


def test_a_foreign_item_is_linked_by_its_id_and_keeps_its_own_ways(tmp_path):
    documents = sample.documents()
    sample.add_foreign_item(documents)
    sample.write(documents, tmp_path)
    assert judged(tmp_path, *judge.JUDGES) == dict.fromkeys(judge.JUDGES, "")


def test_a_judge_that_skips_documents_has_not_judged(good_folder, monkeypatch):
    import good_catalog

    monkeypatch.setattr(good_catalog, "judge", lambda catalog, found: tree.Verdict(checked=9))
    assert judged(good_folder, OWN) == {OWN: "the catalog: checked 9 of 10 documents"}


def test_a_judge_that_breaks_has_not_judged(good_folder, monkeypatch):
    import good_catalog

    def give_up(catalog, found):
        raise RuntimeError("out of order")

    monkeypatch.setattr(good_catalog, "judge", give_up)
    assert "out of order" in judged(good_folder, OWN)[OWN]


def test_an_envelope_across_the_antimeridian_takes_every_part():
    rings = [sample.ring(178, 1, 180, 2), sample.ring(-180, 0, -179, 2), sample.ring(177, 1, 177.5, 3)]
    assert footprint.envelope(rings) == [177, 0, -179, 3]
    assert footprint.envelope([sample.ring(-180, 0, -179, 2)]) == [-180, 0, -179, 2]


def command(folder, **environment):
    """Runs the entry point as the Makefile does."""
    script = Path(judge.__file__)
    run = subprocess.run(
        [sys.executable, "-B", str(script), str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return run.returncode, run.stdout + run.stderr


def test_the_command_sums_up_every_judge(good_folder):
    code, account = command(good_folder)
    assert code == 0, account
    assert account.count("10 of 10 documents") == len(judge.JUDGES)
    assert FOUND.account() in account


def test_the_command_names_document_and_judge_and_fails(good_folder):
    (good_folder / LATER_ITEM).unlink()
    code, account = command(good_folder)
    assert code == 1
    assert f"{ROW}: item link to './{Path(LATER_ITEM).name}': leads to no document" in account


def test_an_empty_folder_is_no_good_catalog(tmp_path):
    code, account = command(tmp_path)
    assert code == 2 and "no STAC document" in account


def test_without_the_variable_the_core_schemas_judge_and_the_account_says_so(good_folder):
    code, account = command(good_folder, **{schemas.VARIABLE: ""})
    assert code == 0, account
    assert "EXTENSION SCHEMAS ARE NOT JUDGED" in account


def test_a_schema_folder_that_is_not_there_is_an_error(good_folder, tmp_path):
    code, account = command(good_folder, **{schemas.VARIABLE: str(tmp_path / "nowhere")})
    assert code == 2 and "cannot be read" in account


def test_an_index_that_names_a_missing_file_is_an_error(tmp_path):
    (tmp_path / "index.json").write_text(json.dumps({"schemas": {"https://example.com/a.json": "a.json"}}))
    with pytest.raises(schemas.SchemaFolderError, match="a.json"):
        schemas.from_folder(tmp_path)
