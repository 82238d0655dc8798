#!/usr/bin/env python3
"""The outline of the world's land for `lazycat plot`, from Natural Earth's.

Usage: land.py land-110m.json > land.txt

Natural Earth (https://www.naturalearthdata.com) is in the public domain; the file is its land at 1:110,000,000 as the npm
package world-atlas 2.0.2 carries it. A ring is a line: longitudes and latitudes in tenths of a degree. It is drawn some
hundred pixels wide, so corners that stand out by less than a third of a degree are left out, and so are small islands.
"""

import json
import sys

TOLERANCE, SMALLEST = 0.33, 1.0


def arcs(topology: dict) -> list[list[tuple[float, float]]]:
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    decoded = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            points.append((x * scale_x + left, y * scale_y + bottom))
        decoded.append(points)
    return decoded


def simplified(points: list) -> list:
    """Douglas and Peucker's."""
    if len(points) < 3:
        return points
    (x0, y0), (x1, y1) = points[0], points[-1]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5

    def off(point):
        x, y = point
        if length == 0:
            return ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
        return abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length

    farthest = max(range(1, len(points) - 1), key=lambda at: off(points[at]))
    if off(points[farthest]) < TOLERANCE:
        return [points[0], points[-1]]
    return simplified(points[: farthest + 1])[:-1] + simplified(points[farthest:])


def cut(ring: list) -> list[list]:
    """The parts of a ring on the two sides of the antimeridian; one that goes around the pole is closed along the edge."""
    unwrapped, turns = [ring[0]], 0
    for (before, _), (x, y) in zip(ring, ring[1:]):
        turns += round((before - x) / 360)
        unwrapped.append((x + 360 * turns, y))
    if turns:
        unwrapped += [(unwrapped[-1][0], -90.0), (unwrapped[0][0], -90.0), unwrapped[0]]
    parts = []
    for shift in (-360, 0, 360):
        points = unwrapped
        for edge, inside in ((-180 + shift, 1), (180 + shift, -1)):
            points = clipped(points, edge, inside)
        if points:
            parts.append([(x - shift, y) for x, y in points + points[:1]])
    return parts


def clipped(ring: list, edge: float, inside: int) -> list:
    """Sutherland and Hodgman's, at one meridian: what is east of it, or west where `inside` is -1. Not closed."""
    kept = []
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1]):
        first, second = ((x - edge) * inside >= 0 for x in (x0, x1))
        if first:
            kept.append((x0, y0))
        if first != second:
            kept.append((edge, y0 + (edge - x0) / (x1 - x0) * (y1 - y0)))
    return kept


def area(ring: list) -> float:
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:]))) / 2


def main():
    topology = json.load(open(sys.argv[1]))
    decoded = arcs(topology)
    [land] = topology["objects"]["land"]["geometries"]
    for polygon in land["arcs"]:
        for ring in polygon:
            points = []
            for arc in ring:
                part = decoded[arc] if arc >= 0 else decoded[~arc][::-1]
                points += part[1:] if points else part
            for ring in map(simplified, cut(points)):
                if len(ring) > 3 and area(ring) >= SMALLEST:
                    print(" ".join(f"{round(x * 10)},{round(y * 10)}" for x, y in ring))


main()
