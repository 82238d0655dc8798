"""A tiny static catalog that every judge accepts: one camera, three rows, three items.

Row 121 holds two items, row 122 one whose footprint crosses the antimeridian, row 123 none (an emptied level keeps an
empty catalog). The values are invented; the layout is the one lazycat publishes:

    catalog.json, CBERS4/catalog.json, CBERS4/MUX/collection.json, CBERS4/MUX/057/catalog.json,
    CBERS4/MUX/057/121/catalog.json, CBERS4/MUX/057/121/<id>.json
"""

import json
import posixpath
from pathlib import Path

STAC_VERSION = "1.1.0"
JSON = "application/json"
GEOJSON = "application/geo+json"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
ROOT_TITLE = "CBERS/AMAZONIA on AWS"
COLLECTION = "CBERS4/MUX/collection.json"
ROW = "CBERS4/MUX/057/121/catalog.json"
ITEM = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.json"
LATER_ITEM = "CBERS4/MUX/057/121/CBERS_4_MUX_20170714_057_121_L4.json"
FOREIGN_ITEM = "landsat/2020/LC08_L2SP_090084.json"
CROSSING_ITEM = "CBERS4/MUX/057/122/CBERS_4_MUX_20170618_057_122_L2.json"
EXTENSIONS = [
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.2.0/schema.json",
    "https://stac-extensions.github.io/view/v1.1.0/schema.json",
]
BANDS = {"B5": ("blue", 0.485), "B6": ("green", 0.555), "B7": ("red", 0.66), "B8": ("nir", 0.83)}


def ring(west, south, east, north):
    """A counter-clockwise exterior ring."""
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def documents():
    """The catalog as a dictionary from key to document, to be changed at will before it is written."""
    tree = {}
    add_level(tree, "catalog.json", "CBERS-AMAZONIA", ROOT_TITLE)
    add_level(tree, "CBERS4/catalog.json", "CBERS4", "CBERS-4")
    add_level(tree, COLLECTION, "CBERS4-MUX", "CBERS-4 MUX")
    tree[COLLECTION].update(collection_fields())
    add_level(tree, "CBERS4/MUX/057/catalog.json", "CBERS4-MUX-057", "Path 057")
    for row in ("121", "122", "123"):
        add_level(tree, f"CBERS4/MUX/057/{row}/catalog.json", f"CBERS4-MUX-057-{row}", f"Row {row}")
    square = {"type": "MultiPolygon", "coordinates": [[ring(23.5, 13.75, 24.75, 15.0)]]}
    crossing = {
        "type": "MultiPolygon",
        "coordinates": [[ring(179.25, 4.0, 180, 5.5)], [ring(-180, 4.25, -179.5, 5.25)]],
    }
    _item(tree, ITEM, "2017-06-18T09:01:17.927Z", square, [23.5, 13.75, 24.75, 15.0])
    _item(tree, LATER_ITEM, "2017-07-14T09:01:18.250Z", square, [23.5, 13.75, 24.75, 15.0])
    _item(tree, CROSSING_ITEM, "2017-06-18T22:40:02.000Z", crossing, [179.25, 4.0, -179.5, 5.5])
    return tree


def write(tree, folder):
    """Writes the documents below `folder`, which need not exist."""
    for key, document in tree.items():
        path = Path(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def add_foreign_item(tree):
    """An item from elsewhere, filed by collection and year, without a title and with extensions of its own."""
    add_level(tree, "landsat/collection.json", "landsat", "Landsat")
    tree["landsat/collection.json"].update(collection_fields())
    add_level(tree, "landsat/2020/catalog.json", "landsat-2020", "2020")
    tree[FOREIGN_ITEM] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "id": "LC08_L2SP_090084",
        "collection": "landsat",
        "geometry": {"type": "Point", "coordinates": [1, 2]},
        "bbox": [1, 2, 1, 2],
        "properties": {"datetime": "2020-01-02T03:04:05Z", "landsat:path": 90},
        "assets": {"data": {"href": "http://example.com/data.tif"}},
    }
    _link_item(tree, FOREIGN_ITEM, "landsat/collection.json", "LC08_L2SP_090084")


def many(rows, items):
    """A catalog of `rows` rows with `items` items each, for measuring."""
    tree = documents()
    pattern = json.dumps(tree[ITEM])
    for key in [ITEM, LATER_ITEM, CROSSING_ITEM] + [f"CBERS4/MUX/057/{row}/catalog.json" for row in (121, 122, 123)]:
        del tree[key]
    path = tree["CBERS4/MUX/057/catalog.json"]
    path["links"] = [link for link in path["links"] if link["rel"] != "child"]
    for row in range(1, rows + 1):
        add_level(tree, f"CBERS4/MUX/057/{row:03}/catalog.json", f"CBERS4-MUX-057-{row:03}", f"Row {row:03}")
        for number in range(items):
            date = f"{2015 + number // 28:04}-01-{number % 28 + 1:02}"
            body = pattern.replace("2017-06-18", date).replace("20170618", date.replace("-", ""))
            body = json.loads(body.replace("057/121", f"057/{row:03}").replace("057_121", f"057_{row:03}"))
            body["properties"]["cbers:row"] = row
            key = f"CBERS4/MUX/057/{row:03}/{body['id']}.json"
            body["links"][1]["title"] = f"Row {row:03}"
            tree[key] = body
            _tell_parent(tree, key, "item", GEOJSON, body["properties"]["title"])
    return tree


def _link(source, target, rel, media_type, title):
    href = posixpath.relpath(target, posixpath.dirname(source) or ".")
    if not href.startswith("."):
        href = f"./{href}"
    return {"rel": rel, "href": href, "type": media_type, "title": title}


def _parent_key(tree, key):
    folder = posixpath.dirname(key)
    if posixpath.basename(key) in ("catalog.json", "collection.json"):
        folder = posixpath.dirname(folder)
    names = (posixpath.join(folder, name) for name in ("catalog.json", "collection.json"))
    return next(name for name in names if name in tree)


def _tell_parent(tree, key, rel, media_type, title):
    parent = _parent_key(tree, key)
    tree[parent]["links"].append(_link(parent, key, rel, media_type, title))
    return parent


def add_level(tree, key, level_id, title):
    """A level below one that the tree already holds, linked both ways."""
    document = {
        "type": "Collection" if key.endswith("collection.json") else "Catalog",
        "stac_version": STAC_VERSION,
        "id": level_id,
        "title": title,
        "description": f"{title}, a level of the sample catalog.",
        "lazycat:revision": 1,
        "links": [_link(key, "catalog.json", "root", JSON, ROOT_TITLE)],
    }
    tree[key] = document
    if key == "catalog.json":
        own = {"rel": "self", "href": "https://catalog.example.com/catalog.json", "type": JSON, "title": title}
        document["links"].insert(0, own)
    else:
        parent = _tell_parent(tree, key, "child", JSON, title)
        document["links"].append(_link(key, parent, "parent", JSON, tree[parent]["title"]))


def collection_fields():
    return {
        "license": "CC-BY-SA-3.0",
        "keywords": ["cbers", "multispectral"],
        "providers": [{"name": "Sample provider", "roles": ["producer"], "url": "https://example.com/"}],
        "extent": {
            "spatial": {"bbox": [[-180, -83, 180, 83]]},
            "temporal": {"interval": [["2014-12-08T00:00:00Z", None]]},
        },
        "summaries": {"platform": ["cbers-4"], "instruments": ["MUX"], "gsd": [20]},
        "item_assets": {"thumbnail": {"title": "Thumbnail", "type": "image/jpeg", "roles": ["thumbnail"]}},
    }


def _item(tree, key, datetime, geometry, bbox):
    item_id = posixpath.basename(key).removesuffix(".json")
    _, path, row, level = item_id.rsplit("_", 3)
    title = f"CBERS-4 MUX {path}/{row} {datetime[:10]} {level}"
    folder = f"CBERS4/MUX/{path}/{row}/{item_id}"
    tree[key] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(EXTENSIONS),
        "id": item_id,
        "collection": "CBERS4-MUX",
        "geometry": geometry,
        "bbox": bbox,
        "properties": {
            "title": title,
            "datetime": datetime,
            "start_datetime": datetime,
            "end_datetime": datetime,
            "platform": "cbers-4",
            "constellation": "cbers",
            "instruments": ["MUX"],
            "gsd": 20,
            "view:sun_azimuth": 66.25,
            "view:sun_elevation": 70.5,
            "view:off_nadir": 0.0074,
            "proj:code": "EPSG:32635",
            "proj:bbox": [300000, 1500000, 440000, 1640000],
            "sat:platform_international_designator": "2014-079A",
            "sat:orbit_state": "descending",
            "processing:software": {"lazycat": "0.1.0"},
            "cbers:data_type": level,
            "cbers:path": int(path),
            "cbers:row": int(row),
        },
        "assets": _assets(folder, item_id),
    }
    _link_item(tree, key, COLLECTION, title)


def _link_item(tree, key, collection, title):
    parent = _tell_parent(tree, key, "item", GEOJSON, title)
    tree[key]["links"] = [
        _link(key, "catalog.json", "root", JSON, ROOT_TITLE),
        _link(key, parent, "parent", JSON, tree[parent]["title"]),
        _link(key, collection, "collection", JSON, tree[collection]["title"]),
    ]


def _assets(folder, item_id):
    def stored(name):
        return {
            "href": f"https://cbers-pds.s3.amazonaws.com/{folder}/{name}",
            "alternate": {"s3": {"href": f"s3://cbers-pds/{folder}/{name}"}},
        }

    thumbnail = f"{item_id.rsplit('_', 1)[0]}.jpg"
    assets = {
        "thumbnail": {
            "href": f"https://cbers-meta-pds.s3.amazonaws.com/{folder}/{thumbnail}",
            "title": "Thumbnail",
            "type": "image/jpeg",
            "roles": ["thumbnail"],
        },
        "metadata": {
            **stored(f"{item_id}_BAND6.xml"),
            "title": "INPE original metadata",
            "type": "text/xml",
            "roles": ["metadata"],
        },
    }
    for band, (colour, wavelength) in BANDS.items():
        assets[band] = {
            **stored(f"{item_id}_BAND{band[1:]}.tif"),
            "title": f"Band {band[1:]} ({colour})",
            "type": COG,
            "roles": ["data"],
            "proj:shape": [7039, 7362],
            "proj:transform": [20, 0, 300000, 0, -20, 1640000],
            "bands": [{"name": band, "eo:common_name": colour, "eo:center_wavelength": wavelength}],
        }
    return assets
