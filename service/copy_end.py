"""One end of a copy, whatever store it is."""

from __future__ import annotations

from dataclasses import dataclass

from kinelog.journal.copy_mark import CopyMarks
from kinelog.journal.port import Journal
from kinelog.privacy.key_copying import Keys


@dataclass(frozen=True, slots=True)
class CopyEnd:
    """What a copy needs of a store.

    Attributes:
        where: How messages name it.
        journal: Its log.
        marks: Where a copy into it is noted.
        keys: Its keys and erasures.
    """

    where: str
    journal: Journal
    marks: CopyMarks
    keys: Keys
