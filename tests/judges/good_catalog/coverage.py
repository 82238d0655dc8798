"""Whether a collection's extents cover an item."""


def covers_area(boxes, bbox):
    """Whether one of the boxes covers the bbox. Boxes that cross the antimeridian have west > east."""
    bbox = _flat(bbox)
    return any(
        box[1] <= bbox[1] and bbox[3] <= box[3] and all(_within(box, span) for span in _eastward(bbox))
        for box in map(_flat, boxes)
    )


def covers_time(intervals, time):
    """Whether one of the intervals, open where it says null, covers the time."""
    return any((start is None or start <= time) and (end is None or time <= end) for start, end in intervals)


def _flat(box):
    """A box without its heights."""
    return list(box) if len(box) == 4 else [box[0], box[1], box[3], box[4]]


def _eastward(bbox):
    """The longitudes of a bbox as one or two spans that do not cross the antimeridian."""
    west, _, east, _ = bbox
    return [(west, east)] if west <= east else [(west, 180), (-180, east)]


def _within(box, span):
    return any(west <= span[0] and span[1] <= east for west, east in _eastward(box))
