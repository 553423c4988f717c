"""How values read in a sentence or a table cell of the pages."""

from __future__ import annotations

from kinelog.projections.rows import GapRow, SessionRow

STATUS = {"open": "training", "ended": "ended", "abandoned": "fell silent"}

REASONS = {
    "frame-conflict": "Another frame had this number already; the first one stays",
    "frame-too-large": "The frame is larger than any device sends",
    "too-many-frames": "The session holds as many frames as it may",
    "too-many-devices": "The session holds as many devices as it may",
    "sequence-out-of-range": "The number of the frame is out of range",
    "start-required": "The layout carries no clock and the phone gave no start",
}


def status(name: str) -> str:
    """A session's status in words."""
    return STATUS.get(name, name)


def reason(error: str) -> str:
    """A stable error code in words."""
    return REASONS.get(error, error.replace("-", " ").capitalize())


def ranges(gaps: list[GapRow]) -> str:
    """Missing frames: `3, 7 to 9`."""
    return ", ".join(str(gap.first) if gap.first == gap.last else f"{gap.first} to {gap.last}" for gap in gaps)


def missing(row: SessionRow) -> int:
    """How many frames of a session never came."""
    return sum(gap.last - gap.first + 1 for gap in row.gaps)


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 session`, `12 sessions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", " ")


def number(value: object, digits: int = 1) -> str:
    """A number without needless zeros; a dash for None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "—"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def exercise(name: object) -> str:
    """`resistanceTargeted:arms/biceps-curl@cable-2` as `biceps curl (arms) at cable-2`."""
    if not isinstance(name, str):
        return "—"
    kind_and_groups, _, rest = name.partition("/")
    bare, _, station = rest.partition("@")
    groups = kind_and_groups.partition(":")[2]
    words = bare.replace("-", " ") or name
    words += f" ({groups.replace(',', ', ')})" if groups and bare else ""
    return f"{words} at {station}" if station else words


def value_of(label: dict[str, object] | None, field: str) -> object:
    """A field of a label, or None."""
    return None if label is None else label.get(field)
