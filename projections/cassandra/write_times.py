"""The clock of the views: an event's position in its shard's log, so that an older write never hides a newer one.

Rows of one key come from one shard always (a person has one), so their positions can be compared. A row's time is one
more than that of a delete by the same event: an event that deletes a row and puts it back leaves the row.
"""

from __future__ import annotations


def time_of_row(position: int) -> int:
    """Write time of a row that an event made or changed."""
    return 2 * position + 1


def time_of_delete(position: int) -> int:
    """Write time of a delete that an event caused: hides all rows of earlier events, whenever they arrive."""
    return 2 * position
