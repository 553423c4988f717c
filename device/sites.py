"""Where sensors sit: the names of the sites, and the one order in which a model takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SITES: Final = (
    "left-wrist",
    "right-wrist",
    "waist",
    "chest",
    "left-foot",
    "right-foot",
    "phone",
    "wrist",
    "foot",
    "any",
    "unit-1",
    "unit-2",
    "unit-3",
    "unit-4",
    "unit-5",
)
"""Every site that a model may name, in the order of its columns.

Frames name `left-wrist right-wrist wrist waist chest foot any`; `phone` is a phone that is carried, `unit-1`…`unit-5`
are worn units of recordings that do not say where. Append only: the order is part of every published model.
"""

_RANK: Final = {site: rank for rank, site in enumerate(SITES)}


class UnknownSiteError(ValueError):
    """No model knows this site.

    Attributes:
        site: The name.
    """

    def __init__(self, site: str) -> None:
        """Name the site and what there is."""
        super().__init__(f"sensors: {site!r} is no site; one of {', '.join(SITES)}")
        self.site = site


class RepeatedSiteError(ValueError):
    """A site stands twice among the sensors of one model."""


def in_order(sites: Iterable[str]) -> tuple[str, ...]:
    """The sites in the order in which windows hold them.

    Args:
        sites: Names, in any order.

    Raises:
        UnknownSiteError: One is no site.
        RepeatedSiteError: One stands there twice, or none at all.
    """
    names = tuple(sites)
    for name in names:
        if name not in _RANK:
            raise UnknownSiteError(name)
    if not names or len(set(names)) != len(names):
        raise RepeatedSiteError(f"sensors: each site once, and at least one, not {'+'.join(names) or 'none'}")
    return tuple(sorted(names, key=_RANK.__getitem__))


def mask_of(present: Iterable[str], sites: tuple[str, ...]) -> int:
    """Which of a model's sites deliver samples, as the bits that an evaluation takes.

    Args:
        present: The sites that deliver.
        sites: The model's sites, in order: bit *i* is `sites[i]`.

    Raises:
        UnknownSiteError: A present site is none of the model's.
    """
    mask = 0
    for name in present:
        if name not in sites:
            raise UnknownSiteError(name)
        mask |= 1 << sites.index(name)
    return mask
