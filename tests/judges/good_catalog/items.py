"""A scene's footprint and its assets: https that a browser opens, s3 as the alternate, titles, roles, types."""

import re
from urllib.parse import urlsplit

from . import footprint
from .scenes import is_scene

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
IMAGE_SUFFIXES = {"image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",)}
S3_HOST = re.compile(r"(?P<bucket>[a-z0-9.-]+)\.s3(?:\.[a-z0-9-]+)?\.amazonaws\.com")


def judge(tree, verdict):
    for item in tree.items:
        if is_scene(item):
            footprint.judge(item, verdict)
            _judge_scene_assets(item, verdict)


def _judge_scene_assets(item, verdict):
    thumbnails = [key for key, asset in item.assets.items() if "thumbnail" in _roles(asset)]
    if thumbnails != ["thumbnail"]:
        verdict.object_to(item.key, f"the asset with the role thumbnail has to be 'thumbnail', not {thumbnails}")
    for key, asset in item.assets.items():
        for text in _faults(key, asset):
            verdict.object_to(item.key, f"asset {key!r}: {text}")


def _faults(key, asset):
    for name in ("href", "title", "type"):
        if not isinstance(asset.get(name), str) or not asset[name]:
            yield f"has no {name}"
    if not _roles(asset):
        yield "has no roles"
    href = urlsplit(str(asset.get("href")))
    if href.scheme != "https" or not href.netloc:
        yield f"the href {asset.get('href')!r} is none that a browser opens over https"
    if "thumbnail" in _roles(asset):
        suffixes = IMAGE_SUFFIXES.get(asset.get("type"))
        if not suffixes:
            yield f"a thumbnail of the type {asset.get('type')!r} is no JPEG or PNG image"
        elif not href.path.lower().endswith(suffixes):
            yield f"{asset['href']!r} does not end like a thumbnail of the type {asset['type']!r}"
        return
    if href.path.lower().endswith((".tif", ".tiff")) and asset.get("type") != COG:
        yield f"a band has the type {COG!r}, not {asset.get('type')!r}"
    yield from _alternate_faults(asset, href)


def _alternate_faults(asset, href):
    try:
        alternate = urlsplit(asset["alternate"]["s3"]["href"])
    except (LookupError, TypeError, AttributeError):
        yield "has no alternate.s3.href"
        return
    if alternate.scheme != "s3" or not alternate.netloc:
        yield f"the alternate {alternate.geturl()!r} is no s3:// address"
    host = S3_HOST.fullmatch(href.netloc)
    if host and (host["bucket"], href.path) != (alternate.netloc, alternate.path):
        yield f"the alternate {alternate.geturl()!r} is another object than {href.geturl()!r}"


def _roles(asset):
    roles = asset.get("roles")
    return roles if isinstance(roles, list) else []
