"""Which items lazycat made itself from scene metadata, and what their ids say.

A foreign item is filed as it came: its title, assets and fields are not ours to judge, and it is linked by its id.
"""

import re

SCENE_COLLECTIONS = frozenset(
    {
        "CBERS4-MUX",
        "CBERS4-AWFI",
        "CBERS4-PAN5M",
        "CBERS4-PAN10M",
        "CBERS4A-MUX",
        "CBERS4A-WFI",
        "CBERS4A-WPM",
        "AMAZONIA1-WFI",
    }
)
SCENE_ID = re.compile(
    r"(?P<mission>CBERS|AMAZONIA)_(?P<number>\d[A-Z]?)_(?P<camera>[A-Z0-9]+)_(?P<date>\d{8})"
    r"_(?P<path>\d{3})_(?P<row>\d{3})_L(?P<level>[A-Z0-9]+)"
)


def is_scene(document):
    """Whether this is an item of one of our cameras."""
    collection = document.body.get("collection")
    return document.kind == "Item" and isinstance(collection, str) and collection in SCENE_COLLECTIONS


def scene_id(document):
    """The parts of a scene's id, or none when it is not spelt like one."""
    return SCENE_ID.fullmatch(document.id) if isinstance(document.id, str) else None


def expected_key(scene):
    """Where the item of a scene has to stand."""
    camera = f"{scene['mission']}{scene['number']}/{scene['camera']}"
    return f"{camera}/{scene['path']}/{scene['row']}/{scene.group()}.json"


def expected_collection(scene):
    return f"{scene['mission']}{scene['number']}-{scene['camera']}"


def iso_date(scene):
    """The date of a scene as its title and its datetime spell it."""
    date = scene["date"]
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"
