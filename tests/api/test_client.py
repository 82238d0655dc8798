"""pystac-client searches the API, in both methods, and finds what the static catalog holds."""

import json

import pystac
import pytest
from pystac_client import Client

BRAZIL = [-75, -34, -34, 6]
FROM_2018 = "2018-01-01T00:00:00Z/.."
METHODS = pytest.mark.parametrize("method", ["GET", "POST"])


@pytest.fixture(scope="module")
def client(served):
    return Client.open(served.url)


@pytest.fixture(scope="module")
def static(served):
    """The items of the static catalog, by id."""
    paths = [path for path in served.catalog.rglob("*.json") if ".lazycat" not in path.parts]
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {document["id"]: document for document in documents if document["type"] == "Feature"}


def ids(search):
    found = [item.id for item in search.items()]
    assert len(found) == len(set(found)), "an item was found twice"
    return found


def overlaps(one, other):
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


@METHODS
def test_all_items_are_found_page_by_page_newest_first(client, static, method):
    found = ids(client.search(method=method, limit=37))
    assert sorted(found) == sorted(static)
    times = [static[id_]["properties"].get("start_datetime", static[id_]["properties"]["datetime"]) for id_ in found]
    assert times == sorted(times, reverse=True)


@METHODS
def test_a_place_and_a_time_and_a_collection(client, static, method):
    search = client.search(method=method, bbox=BRAZIL, datetime=FROM_2018, collections=["CBERS4-MUX"], limit=5)
    found = ids(search)
    expected = [
        id_
        for id_, item in static.items()
        if item["collection"] == "CBERS4-MUX"
        and item["properties"]["end_datetime"] >= "2018"
        and item["bbox"][0] <= item["bbox"][2]
        and overlaps(item["bbox"], BRAZIL)
    ]
    assert found and set(found) <= set(expected)
    # Where only the box of a tilted footprint reaches over the border, the item is rightly left out.
    inside = [id_ for id_ in expected if static[id_]["bbox"][0] > BRAZIL[0] and static[id_]["bbox"][2] < BRAZIL[2]
              and static[id_]["bbox"][1] > BRAZIL[1] and static[id_]["bbox"][3] < BRAZIL[3]]
    assert set(inside) <= set(found)


@METHODS
def test_items_across_the_antimeridian_are_found_from_both_sides(client, static, method):
    crossing = {id_ for id_, item in static.items() if item["bbox"][0] > item["bbox"][2]}
    assert crossing
    for bbox in ([170, -90, -170, 90], [170, -90, 180, 90], [-180, -90, -170, 90]):
        assert crossing <= set(ids(client.search(method=method, bbox=bbox, limit=100))), bbox
    assert not crossing & set(ids(client.search(method=method, bbox=[-100, -90, 100, 90], limit=100)))


@METHODS
def test_filters_sort_and_fields(client, static, method):
    wanted = {
        "GET": "gsd < 20 AND platform = 'cbers-4a'",
        "POST": {
            "op": "and",
            "args": [
                {"op": "<", "args": [{"property": "gsd"}, 20]},
                {"op": "=", "args": [{"property": "platform"}, "cbers-4a"]},
            ],
        },
    }
    search = client.search(
        method=method,
        filter=wanted[method],
        filter_lang={"GET": "cql2-text", "POST": "cql2-json"}[method],
        sortby=["+properties.gsd", "-id"],
        fields={"include": ["id", "properties.gsd"]},
        limit=10,
    )
    found = list(search.items_as_dicts())
    properties = {id_: item["properties"] for id_, item in static.items()}
    expected = [id_ for id_, of in properties.items() if of["gsd"] < 20 and of["platform"] == "cbers-4a"]
    expected.sort(reverse=True)
    expected.sort(key=lambda id_: properties[id_]["gsd"])
    assert [item["id"] for item in found] == expected
    assert all(set(item["properties"]) == {"gsd"} and "assets" not in item for item in found)


@METHODS
def test_ids_and_a_query_and_a_geometry(client, static, method):
    some = sorted(static)[:3]
    assert sorted(ids(client.search(method=method, ids=some))) == some
    found = ids(client.search(method=method, query={"cbers:path": {"eq": 57}, "platform": {"startsWith": "cbers"}}))
    assert set(found) == {id_ for id_, item in static.items() if item["properties"].get("cbers:path") == 57}
    item = static[some[0]]
    assert some[0] in ids(client.search(method=method, intersects=item["geometry"], limit=100))


def test_an_item_is_the_one_of_the_static_catalog_with_links_that_lead_somewhere(client, static):
    item = next(client.search(collections=["CBERS4-MUX"]).items())
    assert item.get_collection().id == "CBERS4-MUX"
    assert item.get_self_href().endswith(f"/collections/CBERS4-MUX/items/{item.id}")
    stored = static[item.id]
    # Where the static catalog is served as well.
    for alternate in item.get_links("alternate"):
        assert json.loads(pystac.StacIO.default().read_text(alternate.href)) == stored
    [given] = client.search(ids=[item.id]).items_as_dicts()
    for member in ("geometry", "bbox", "properties", "assets", "stac_extensions"):
        assert given[member] == stored[member], member


def test_collections_are_those_of_the_static_catalog(client, served):
    found = {collection.id: collection for collection in client.get_collections()}
    stored = [json.loads(path.read_text(encoding="utf-8")) for path in served.catalog.rglob("collection.json")]
    assert sorted(found) == sorted(document["id"] for document in stored)
    for document in stored:
        collection = found[document["id"]].to_dict(transform_hrefs=False)
        differing = {name for name in document if collection[name] != document[name]}
        assert differing == {"links"}, document["id"]
        assert next(client.get_collection(document["id"]).get_items()).collection_id == document["id"]
