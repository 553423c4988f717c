"""What a view needs of an exercise's name, `type:group[,group]/name[@station]`.

Nothing is refused here: the domain validated the name when the event was decided, and should its rules become stricter,
what was stored before must still fold.
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def _parts(exercise: str) -> tuple[tuple[str, ...], str]:
    name, _, station = exercise.partition("@")
    groups = name.partition(":")[2].partition("/")[0]
    return tuple(group for group in groups.split(",") if group), station


def groups_in(exercise: str) -> list[str]:
    """Muscle groups that the name lists, in its order."""
    return list(_parts(exercise)[0])


def station_in(exercise: str) -> str:
    """The station that the name ends with, or an empty string."""
    return _parts(exercise)[1]
