"""The judge: what phones were told is stored, held against what the log holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Frame(NamedTuple):
    """The name of a frame."""

    session: str
    device: str
    sequence: int


@dataclass(frozen=True)
class Judgement:
    """What came of everything that was acknowledged.

    Attributes:
        acknowledged: Different frames that a phone was told are stored.
        stored: Different frames in the log; more than those acknowledged, where an answer was lost.
        lost: Acknowledged, and not in the log.
        doubled: In the log more than once, acknowledged or not.
    """

    acknowledged: int
    stored: int
    lost: tuple[Frame, ...]
    doubled: tuple[Frame, ...]

    @property
    def sound(self) -> bool:
        """Whether every acknowledged frame is in the log once, and no frame twice."""
        return not self.lost and not self.doubled


def judge(acknowledged: Iterable[Frame], stored: Mapping[Frame, int]) -> Judgement:
    """Compare the phones' record with the log.

    Args:
        acknowledged: Taken before the log was read: what is acknowledged later proves nothing.
        stored: How often each frame stands in the log.
    """
    told = set(acknowledged)
    return Judgement(
        len(told),
        len(stored),
        tuple(sorted(frame for frame in told if frame not in stored)),
        tuple(sorted(frame for frame, times in stored.items() if times > 1)),
    )


def frames_in_ledgers(*ledgers: Path) -> Counter[Frame]:
    """What `kinelog simulate --ledger` and others wrote down, a line a frame: session, device, sequence number."""
    found: Counter[Frame] = Counter()
    for ledger in ledgers:
        if ledger.exists():
            whole, _, _unfinished = ledger.read_text().rpartition("\n")
            for line in whole.splitlines():
                session, device, sequence = line.split("\t")
                found[Frame(session, device, int(sequence))] += 1
    return found
