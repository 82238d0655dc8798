"""Imports catalogs that pystac and rustac have written, and reads the outcome with both.

    LAZYCAT=target/release/lazycat .venv/bin/python -m pytest tests/imports

Works offline. The catalogs are written anew each time, by packages that nobody here has made.
"""

import asyncio
import copy
import datetime
import json
import os
import subprocess
from pathlib import Path

import pystac
import pytest
import rustac

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LAZYCAT = os.environ.get("LAZYCAT", str(REPOSITORY / "target" / "release" / "lazycat"))
LAYOUT = "{collection}/{year}/{properties.grid:code}"
YEARS = (2022, 2023, 2024)


def lazycat(*arguments):
    """Runs the command; what it printed, as JSON where it is."""
    done = subprocess.run([LAZYCAT, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout


def item(collection, number):
    west = float(number)
    time = datetime.datetime(YEARS[number % 3], 5, number % 28 + 1, tzinfo=datetime.timezone.utc)
    corners = [[west, 0.5], [west + 1, 0.5], [west + 1, 1.5], [west, 1.5], [west, 0.5]]
    made = pystac.Item(
        id=f"{collection}-{number}",
        geometry={"type": "Polygon", "coordinates": [corners]},
        bbox=[west, 0.5, west + 1, 1.5],
        datetime=time,
        properties={"platform": "a-platform", "grid:code": f"MGRS-{number % 4}", "odd": {"nested": [1.0, None, "ä"]}},
        extra_fields={"top": 1e-9},
    )
    made.add_asset("data", pystac.Asset("./data.tif", media_type=pystac.MediaType.COG, roles=["data"]))
    made.add_asset("far", pystac.Asset("s3://bucket/far.tif", extra_fields={"file:size": 12345678901234567890}))
    made.add_link(pystac.Link("about", "https://example.com/about"))
    return made


def catalog():
    """Two collections in a catalog, one of which stands a level deeper."""
    root = pystac.Catalog("theirs", "A catalog of somebody else.")
    deeper = pystac.Catalog("deeper", "In between.")
    root.add_child(deeper)
    for parent, name in ((root, "first"), (deeper, "second")):
        spatial = pystac.SpatialExtent([[-10.0, 0.0, 40.0, 2.0]])
        temporal = pystac.TemporalExtent([[datetime.datetime(2022, 1, 1), None]])
        made = pystac.Collection(name, f"Of {name}.", pystac.Extent(spatial, temporal), title=f"The {name}", license="MIT")
        made.extra_fields["theirs"] = {"kept": 1.0}
        made.summaries.add("platform", ["a-platform"])
        made.add_items(item(name, number) for number in range(12))
        parent.add_child(made)
    return root


def comparable(document):
    """What is to survive: all but links and the addresses of assets."""
    document = copy.deepcopy(document)
    document.pop("links", None)
    for asset in document.get("assets", {}).values():
        asset.pop("href")
    return document


def items_of(root):
    return {read.id: read for read in root.get_items(recursive=True)}


def must_be_the_same(theirs, ours):
    assert sorted(theirs) == sorted(ours)
    for name, expected in theirs.items():
        assert comparable(ours[name].to_dict(transform_hrefs=False)) == comparable(expected.to_dict(transform_hrefs=False))


@pytest.mark.parametrize("kind", [pystac.CatalogType.SELF_CONTAINED, pystac.CatalogType.ABSOLUTE_PUBLISHED])
def test_a_catalog_that_pystac_has_written_is_filed_whole_and_read_back_by_it(tmp_path, kind):
    source, filed = tmp_path / "source", tmp_path / "filed"
    written = catalog()
    written.normalize_and_save(str(source), kind)
    done = lazycat("import", source, "--catalog", filed, "--layout", LAYOUT, "--title", "Filed", "--json")
    assert (done["made"], done["refused"]) == (24, 0)
    lazycat("validate", filed)
    ours = pystac.Catalog.from_file(str(filed / "catalog.json"))
    assert ours.title == "Filed"
    must_be_the_same(items_of(pystac.Catalog.from_file(str(source / "catalog.json"))), items_of(ours))
    for collection in ours.get_collections():
        assert collection.title == f"The {collection.id}"
        assert collection.extra_fields["theirs"] == {"kept": 1.0}
        assert [child.id for child in collection.get_children()] == [f"{collection.id}-{year}" for year in YEARS]
    for read in items_of(ours).values():
        assert Path(read.assets["data"].href.removeprefix("file://")).parent.is_relative_to(source)
        assert read.get_collection().id == read.collection_id
    again = lazycat("import", source, "--catalog", filed, "--json")
    assert (again["made"], again["unchanged"], again["rebuilt"]) == (0, 24, 0)
    lazycat("audit", "--catalog", filed, "--grace", "0")
    judge = subprocess.run([REPOSITORY / "tests" / "judges" / "judge.py", filed], capture_output=True, text=True)
    assert judge.returncode == 0, judge.stdout + judge.stderr


@pytest.mark.parametrize("file", ["items.json", "items.ndjson"])
def test_items_that_rustac_has_written_are_filed_and_its_walk_reaches_every_document(tmp_path, file):
    items = [dict(item("ours", number).to_dict(include_self_link=False), collection="ours") for number in range(12)]
    source, filed = tmp_path / file, tmp_path / "filed"

    async def write():
        await rustac.write(str(source), items)

    asyncio.run(write())
    done = lazycat("import", source, "--catalog", filed, "--layout", LAYOUT, "--json")
    assert (done["made"], done["refused"]) == (12, 0)
    lazycat("validate", filed)

    async def walked():
        root = await rustac.read(str(filed / "catalog.json"), set_self_link=True)
        return [item.get("id") async for _, _, items in rustac.walk(root) for item in items]

    assert sorted(asyncio.run(walked())) == sorted(one["id"] for one in items)
    made = json.loads((filed / "ours" / "collection.json").read_text())
    assert made["extent"]["spatial"]["bbox"] == [[0, 0.5, 12, 1.5]]
    assert made["summaries"]["platform"] == ["a-platform"]
