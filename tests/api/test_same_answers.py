"""The same questions have the same answers: of our API over the embedded index and over pgstac, and of the field's
API, stac-fastapi-pgstac, over the same database."""

import json
import os
import socket
import subprocess
import time
from urllib.parse import urljoin

import pytest
import requests

from conftest import DATABASE, REPOSITORY

FIELD = REPOSITORY / "target" / "postgres" / "api" / "bin" / "uvicorn"
PATIENCE = 120
BRAZIL = "-75,-34,-34,6"
SQUARE = {"type": "Polygon", "coordinates": [[[-60, -30], [-40, -30], [-40, -10], [-60, -10], [-60, -30]]]}


@pytest.fixture(scope="module")
def of_field(database, tmp_path_factory):
    """stac-fastapi-pgstac as it comes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "PGUSER": "postgres", "PGPASSWORD": "none", "PGHOST": "127.0.0.1", "PGPORT": str(database.port), "PGDATABASE": DATABASE,
        # A file of settings in the folder where it starts would count.
        "ENV_FILE": os.devnull,
    }
    log = tmp_path_factory.mktemp("field") / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [FIELD, "stac_fastapi.pgstac.app:create_app", "--factory", "--host", "127.0.0.1", "--port", str(port)],
            env=os.environ | settings, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if requests.get(f"{url}_mgmt/ping", timeout=5).ok:
                    break
            except requests.exceptions.ConnectionError:
                pass
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield url
    finally:
        server.kill()
        server.wait()


# What is asked of /search, as GET has it; POST asks the same.
GETS = [
    {},
    {"limit": "7"},
    {"bbox": BRAZIL, "limit": "11"},
    {"datetime": "2018-01-01T00:00:00Z/.."},
    {"datetime": "../2018-01-01T00:00:00Z", "limit": "9"},
    {"datetime": "2017-06-18T00:00:00Z/2017-06-19T00:00:00Z"},
    {"bbox": BRAZIL, "datetime": "2016-01-01T00:00:00Z/2020-01-01T00:00:00Z", "collections": "CBERS4-MUX,CBERS4-AWFI"},
    {"collections": "CBERS4A-WPM", "limit": "3"},
    {"collections": "none"},
    {"ids": "CBERS_4_MUX_20170618_057_121_L2,none"},
    {"intersects": json.dumps(SQUARE)},
    {"sortby": "+datetime", "limit": "17"},
    {"sortby": "-id", "limit": "17"},
    {"sortby": "+collection,-datetime", "limit": "23"},
    {"sortby": "-properties.gsd,+id", "limit": "23"},
    {"sortby": "+view:sun_elevation", "limit": "40"},
    {"filter": "gsd < 20", "filter-lang": "cql2-text"},
    {"filter": "gsd >= 20 AND platform = 'cbers-4'", "filter-lang": "cql2-text", "limit": "13"},
    {"filter": "platform LIKE 'cbers%' AND NOT collection = 'CBERS4-MUX'", "filter-lang": "cql2-text", "limit": "31"},
    {"filter": "collection IN ('CBERS4-MUX', 'AMAZONIA1-WFI') OR gsd BETWEEN 1 AND 3", "filter-lang": "cql2-text"},
    {"filter": "datetime > TIMESTAMP('2019-01-01T00:00:00Z')", "filter-lang": "cql2-text"},
    {"filter": "S_INTERSECTS(geometry, POLYGON((-60 -30, -40 -30, -40 -10, -60 -10, -60 -30)))", "filter-lang": "cql2-text"},
    {"filter": "unknown = 'x'", "filter-lang": "cql2-text"},
    {"filter": "unknown IS NULL", "filter-lang": "cql2-text", "limit": "100"},
    {"query": json.dumps({"gsd": {"gte": 10, "lt": 30}, "platform": {"eq": "cbers-4"}})},
    {"fields": "id,properties.gsd,-links", "limit": "5"},
]
# What the field's API takes for the rest of the world, or fails with.
ONLY_OURS = [{"bbox": "170,-90,-170,90"}, {"bbox": "-75,-34,0,-34,6,1000", "limit": "50"}]
POSTS = [
    {"filter-lang": "cql2-json", "filter": {"op": "a_contains", "args": [{"property": "instruments"}, ["MUX"]]}},
    {"filter-lang": "cql2-json", "filter": {"op": "t_after", "args": [{"property": "datetime"}, {"timestamp": "2019-01-01T00:00:00Z"}]}},
    {"filter-lang": "cql2-json", "filter": {"op": "isNull", "args": [{"property": "gsd"}]}},
    {"sortby": [{"field": "properties.gsd", "direction": "desc"}, {"field": "id", "direction": "asc"}], "limit": 19},
    {"intersects": SQUARE, "limit": 4},
    {"ids": ["CBERS_4_MUX_20170618_057_121_L2"], "collections": ["CBERS4-MUX"]},
]


def pages(answer):
    """All pages from this one on, by the links that the API gives."""
    for _ in range(1000):
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page
        following = [link for link in page["links"] if link["rel"] == "next"]
        if not following:
            return
        [link] = following
        if link.get("method", "GET") == "POST":
            answer = requests.post(link["href"], json=link["body"], timeout=PATIENCE)
        else:
            answer = requests.get(link["href"], timeout=PATIENCE)
    raise AssertionError("the pages have no end")


def found(answer):
    return [item for page in pages(answer) for item in page["features"]]


def plain(value):
    """An item without what each API makes itself: links; and without nulls, which pgstac does not keep."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items() if name != "links" and member is not None}
    return [plain(member) for member in value] if isinstance(value, list) else value


def names(items):
    return [(item["collection"], item["id"]) for item in items]


def by_name(parameters):
    return "&".join(f"{name}={str(value)[:40]}" for name, value in parameters.items()) or "everything"


@pytest.mark.parametrize("parameters", GETS, ids=by_name)
def test_a_get_finds_the_same_everywhere(embedded, of_pgstac, of_field, parameters):
    of_ours, ours, field = (
        found(requests.get(urljoin(url, "search"), params=parameters, timeout=PATIENCE))
        for url in (embedded.url, of_pgstac.url, of_field)
    )
    if "fields" in parameters:
        # Which members are given when only some are asked for, the extension leaves open.
        assert [item["id"] for item in ours] == [item["id"] for item in field] == [item["id"] for item in of_ours]
        assert [item["properties"]["gsd"] for item in ours] == [item["properties"]["gsd"] for item in field]
        return
    assert names(ours) == names(field)
    assert names(ours) == names(of_ours)
    assert [plain(item) for item in ours] == [plain(item) for item in field]
    assert len(ours) == len(set(names(ours)))


@pytest.mark.parametrize("parameters", ONLY_OURS, ids=by_name)
def test_a_box_finds_the_same_in_both_indexes(embedded, of_pgstac, parameters):
    of_ours, ours = (
        found(requests.get(urljoin(url, "search"), params=parameters, timeout=PATIENCE)) for url in (embedded.url, of_pgstac.url)
    )
    assert names(ours) == names(of_ours) and ours


@pytest.mark.parametrize("body", POSTS, ids=by_name)
def test_a_post_finds_the_same_everywhere(embedded, of_pgstac, of_field, body):
    of_ours, ours, field = (
        found(requests.post(urljoin(url, "search"), json=body, timeout=PATIENCE)) for url in (embedded.url, of_pgstac.url, of_field)
    )
    assert names(ours) == names(field)
    assert names(ours) == names(of_ours)
    assert [plain(item) for item in ours] == [plain(item) for item in field]


def test_each_question_finds_something_but_for_two(of_pgstac):
    """So that the same is not nothing."""
    empty = []
    for parameters in GETS:
        if not requests.get(urljoin(of_pgstac.url, "search"), params=parameters, timeout=PATIENCE).json()["features"]:
            empty.append(parameters)
    assert [by_name(parameters) for parameters in empty] == ["collections=none", "filter=unknown = 'x'&filter-lang=cql2-text"]


def test_items_and_collections_are_the_same_one_by_one(embedded, of_pgstac, of_field):
    listed = [
        {it["id"]: it for it in requests.get(urljoin(url, "collections"), timeout=PATIENCE).json()["collections"]}
        for url in (embedded.url, of_pgstac.url, of_field)
    ]
    assert set(listed[0]) == set(listed[1]) == set(listed[2])
    for identifier in listed[0]:
        path = f"collections/{identifier}"
        of_ours, ours, field = (
            requests.get(urljoin(url, path), timeout=PATIENCE).json() for url in (embedded.url, of_pgstac.url, of_field)
        )
        assert plain(ours) == plain(of_ours), identifier
        differing = {name for name in plain(ours) if plain(ours)[name] != plain(field).get(name)}
        assert not differing - {"conformsTo"}, identifier
        first = found(requests.get(urljoin(of_pgstac.url, f"{path}/items?limit=10"), timeout=PATIENCE))[:1]
        for item in first:
            ours, field = (
                requests.get(urljoin(url, f"{path}/items/{item['id']}"), timeout=PATIENCE).json() for url in (of_pgstac.url, of_field)
            )
            assert plain(ours) == plain(field)


@pytest.mark.parametrize("path", ["nothing", "collections/none", "collections/none/items", "collections/CBERS4-MUX/items/none"])
def test_what_is_not_there_is_told_in_the_form_of_the_api(of_pgstac, path):
    answer = requests.get(urljoin(of_pgstac.url, path), timeout=PATIENCE)
    assert answer.status_code == 404
    assert answer.json()["code"] == "NotFound" and answer.json()["description"]


@pytest.mark.parametrize(
    "parameters",
    [{"filter": "gsd ^ 2 = 400"}, {"filter": "platform < 5"}, {"token": "next:x:y"}, {"limit": "0"}],
    ids=by_name,
)
def test_what_pgstac_cannot_do_is_a_mistake_of_the_question(of_pgstac, parameters):
    answer = requests.get(urljoin(of_pgstac.url, "search"), params=parameters, timeout=PATIENCE)
    assert answer.status_code == 400, answer.text
    assert requests.get(urljoin(of_pgstac.url, "search"), timeout=PATIENCE).status_code == 200
