"""Geometry and bbox of an item: GeoJSON as RFC 7946 has it, coordinates being (longitude, latitude) in degrees."""

from itertools import pairwise


def judge(document, verdict):
    geometry, bbox = document.body.get("geometry"), document.body.get("bbox")
    try:
        polygons = _polygons(geometry)
        points = [point for polygon in polygons for ring in polygon for point in ring]
        expected = envelope([polygon[0] for polygon in polygons])
    except (TypeError, LookupError, ValueError) as error:
        verdict.object_to(document.key, f"the geometry is no polygon: {error!r}")
        return
    if any(not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90) for point in points):
        verdict.object_to(document.key, "the geometry leaves longitudes -180 to 180 and latitudes -90 to 90")
    for polygon in polygons:
        for number, ring in enumerate(polygon):
            _judge_ring(document, ring, number == 0, verdict)
    if bbox != expected:
        verdict.object_to(document.key, f"the bbox {bbox} is not the envelope of the geometry, {expected}")


def envelope(rings):
    """West, south, east, north. A geometry cut at the antimeridian has its west edge east of its east edge."""
    south = min(point[1] for ring in rings for point in ring)
    north = max(point[1] for ring in rings for point in ring)
    spans = [(min(point[0] for point in ring), max(point[0] for point in ring)) for ring in rings]
    before = [span for span in spans if span[1] == 180]
    after = [span for span in spans if span[0] == -180]
    if before and after and not set(before) & set(after):
        before += [span for span in spans if span not in before + after and span[0] >= 0]
        after += [span for span in spans if span not in before + after]
        return [min(span[0] for span in before), south, max(span[1] for span in after), north]
    return [min(span[0] for span in spans), south, max(span[1] for span in spans), north]


def _polygons(geometry):
    if geometry["type"] == "Polygon":
        return [geometry["coordinates"]]
    if geometry["type"] == "MultiPolygon":
        return geometry["coordinates"]
    raise ValueError(geometry["type"])


def _judge_ring(document, ring, exterior, verdict):
    if len(ring) < 4 or ring[0] != ring[-1]:
        verdict.object_to(document.key, "a ring of the geometry is not closed")
        return
    twice_area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    if (twice_area > 0) != exterior:
        verdict.object_to(document.key, "the geometry breaks the right-hand rule: exterior rings go counter-clockwise")
    # No scene spans half the globe: such a ring was meant to cross the antimeridian and was not cut there.
    if max(point[0] for point in ring) - min(point[0] for point in ring) > 180:
        verdict.object_to(document.key, "a ring of the geometry spans more than 180 degrees of longitude")
