"""Folders of recordings that lack some sets, and folders of only these: what a night may see, and what judges it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

Line = Mapping[str, object]
"""What a recording's JSON says of one set."""


def held_out(source: Path, name: str, seen: Path, kept: Path, is_kept: Callable[[Line], bool]) -> None:
    """Split a recording between two folders.

    Args:
        source: Holds `NAME.npz` and `NAME.json`.
        name: Of the recording, in all three folders.
        seen: Gets the sets of which `is_kept` is false.
        kept: Gets the others.
        is_kept: Asked once about each set's line, in order.
    """
    listing = json.loads((source / f"{name}.json").read_text())
    with np.load(source / f"{name}.npz", allow_pickle=False) as arrays:
        samples, offset = arrays["samples"], arrays["offset"]
    aside = [is_kept(line) for line in listing["sets"]]
    for folder, wanted in ((seen, False), (kept, True)):
        rows = [row for row, is_aside in enumerate(aside) if is_aside is wanted]
        parts = [samples[offset[row] : offset[row + 1]] for row in rows]
        folder.mkdir(parents=True, exist_ok=True)
        lines = {**listing, "sets": [listing["sets"][row] for row in rows]}
        (folder / f"{name}.json").write_text(json.dumps(lines))
        np.savez(
            folder / f"{name}.npz",
            samples=np.concatenate(parts) if parts else samples[:0],
            offset=np.cumsum([0, *map(len, parts)]),
        )


def copy_others(source: Path, seen: Path, names: set[str]) -> None:
    """Copy all recordings and folders of captures but those that are named."""
    for path in source.iterdir():
        if path.is_dir():
            shutil.copytree(path, seen / path.name)
        elif path.suffix in {".json", ".npz"} and path.stem not in names:
            shutil.copy(path, seen / path.name)


def in_groups(dates: list[str], count: int) -> list[list[str]]:
    """Sessions named by day, month and year, one group of days behind the other, all about as large."""
    ordered = sorted(set(dates), key=lambda date: (date[4:], date[2:4], date[:2]))
    return [part.tolist() for part in np.array_split(np.array(ordered), count)]
