"""Windows of one second, cut out of examples: at a place relative to the start, shifted by chance, or anywhere.

What chance decides for an example depends on the seed, the placement and the example's key. It does not depend on which
other examples there are, nor on their order: whoever cuts a batch of one gets the same windows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from kinelog.device.layers import WINDOW
from kinelog.device.sites import mask_of
from kinelog.ml.examples import RATE_HZ, SetExample
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Placement:
    """Where windows lie.

    Attributes:
        end_ms: Where a window ends, relative to the labelled start: 1000 is the first second, 0 the second before.
        jitter_ms: How far chance may shift it to either side.
        draws: Windows of each example; one, where chance has no choice.
        anywhere: Anywhere within the labelled interval instead; `end_ms` and `jitter_ms` say nothing then.
    """

    end_ms: int = 1000
    jitter_ms: int = 0
    draws: int = 1
    anywhere: bool = False


FIRST_SECOND = Placement(1000)
BEFORE_THE_START = tuple(Placement(end_ms) for end_ms in (0, -500, -1000, -1500, -2000))
"""The second before the labelled start, and earlier ones."""


@dataclass(frozen=True, eq=False, slots=True)
class WindowSet:
    """Windows of examples.

    Attributes:
        windows: `(n, 50, 3 * sites)` int16 milli-g.
        example: `(n,)` int64: which example each is of.
        end_row: `(n,)` int64: row of the example behind the window's last.
        present: `(n,)` uint16: bit *i* says whether site *i* is there; where it is not, samples are zeros.
        left_out: Examples without a window: their samples do not reach there, or their sites are others.
    """

    windows: NDArray[np.int16]
    example: NDArray[np.int64]
    end_row: NDArray[np.int64]
    present: NDArray[np.uint16]
    left_out: int


def windows_of(
    examples: Sequence[SetExample],
    placement: Placement,
    seed: int = 0,
    *,
    sites: tuple[str, ...] | None = None,
    partial: bool = False,
) -> WindowSet:
    """Cut windows.

    Of examples in which nothing was labelled, windows are anywhere.

    Args:
        examples: Of a data set, or some of them.
        placement: Where.
        seed: Of what chance decides.
        sites: Whose columns, in order; those of the first example when absent.
        partial: Whether an example that lacks some of the sites, but not all, counts.
    """
    sites = sites if sites is not None else examples[0].sites if examples else ()
    cut: list[NDArray[np.int16]] = []
    places: list[tuple[int, int, int]] = []
    left_out = 0
    for index, example in enumerate(examples):
        here = tuple(site for site in sites if site in example.sites)
        ends = _ends(example, placement, seed) if here and (partial or len(here) == len(sites)) else []
        left_out += not ends
        samples = columns_of(example, sites) if ends else example.samples
        for end in ends:
            cut.append(samples[end - WINDOW : end])
            places.append((index, end, mask_of(here, sites)))
    windows = np.stack(cut) if cut else np.zeros((0, WINDOW, 3 * len(sites)), np.int16)
    where = np.array(places, dtype=np.int64).reshape(-1, 3)
    return WindowSet(windows, where[:, 0], where[:, 1], where[:, 2].astype(np.uint16), left_out)


def columns_of(example: SetExample, sites: tuple[str, ...]) -> NDArray[np.int16]:
    """The samples of some sites, `(rows, 3 * sites)`; zeros where the example has none of them."""
    if sites == example.sites:
        return example.samples
    out = np.zeros((len(example.samples), 3 * len(sites)), np.int16)
    for at, site in enumerate(sites):
        if site in example.sites:
            source = 3 * example.sites.index(site)
            out[:, 3 * at : 3 * at + 3] = example.samples[:, source : source + 3]
    return out


def _ends(example: SetExample, placement: Placement, seed: int) -> list[int]:
    """Rows behind the last of each window."""
    if placement.anywhere or example.label is None:
        low, high = example.start_row + WINDOW, example.end_row
    else:
        end = example.start_row + round(placement.end_ms * RATE_HZ / 1000)
        if not WINDOW <= end <= len(example.samples):
            return []
        shift = round(placement.jitter_ms * RATE_HZ / 1000)
        # a shift that leaves the samples is not drawn again: it could only end where they do
        low, high = max(end - shift, WINDOW), min(end + shift, len(example.samples))
    if high < low:
        return []
    if low == high:
        return [low]
    return [int(row) for row in _chance(example.key, placement, seed).integers(low, high + 1, placement.draws)]


def _chance(key: str, placement: Placement, seed: int) -> np.random.Generator:
    """The example's own generator."""
    said = f"{seed}/{placement.end_ms}/{placement.jitter_ms}/{placement.anywhere}/{key}"
    digest = hashlib.blake2b(said.encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
