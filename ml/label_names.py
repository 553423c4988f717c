"""One exercise under several spellings: which of a model's labels a recording's label means.

`BicepCurl`, `biceps-curl` and `arms/biceps_curl` are spellings of one name. What is left after that are synonyms, which
stand in a table here: only such as name the same movement, never a narrower or a wider one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

ABBREVIATIONS: Final = {
    "ext": "extension",
    "db": "dumbbell",
    "bb": "barbell",
    "rise": "raise",
    "tri": "tricep",
    "bi": "bicep",
    "delt": "deltoid",
    "lats": "lat",
}
"""Words of names, in their singular."""

SYNONYMS: Final = {
    "latpull": "latpulldown",
    "overheadpress": "shoulderpress",
    "militarypress": "shoulderpress",
    "inclinechestpress": "inclinepress",
    "inclinebenchpress": "inclinepress",
    "sideraise": "lateralraise",
    "wristcurl": "wrist",
    "seatedcablerow": "cablerow",
    "seatedrow": "cablerow",
    "tricepspushdown": "tricepextension",
    "chinup": "pullup",
    "bench": "benchpress",
    "ohp": "shoulderpress",
    "dead": "deadlift",
}
"""Whole names, as `spelt` writes them."""


def spelt(label: str) -> str:
    """The one spelling of a label: its last part after a slash, words in the singular, without what separates them.

    Empty for a label without a letter or digit of the Latin alphabet.
    """
    words = [_singular(word.lower()) for word in _WORD.findall(label.rpartition("/")[2])]
    name = "".join(ABBREVIATIONS.get(word, word) for word in words)
    return SYNONYMS.get(name, name)


class Vocabulary:
    """The labels of one model.

    Args:
        labels: In the order of its probabilities.
    """

    def __init__(self, labels: Collection[str]) -> None:
        self._numbers: dict[str, int] = {}
        for number, label in enumerate(labels):
            # of two labels that are spelt the same, the exact names still tell which is meant
            self._numbers.setdefault(label, number)
            self._numbers.setdefault(spelt(label), number)
        self._numbers.pop("", None)

    def number_of(self, *names: str | None) -> int | None:
        """The label that the first of these names means which means one; None if none does."""
        for name in names:
            if name is not None:
                found = self._numbers.get(name, self._numbers.get(spelt(name)))
                if found is not None:
                    return found
        return None


def _singular(word: str) -> str:
    """Without a plural's s; `press` keeps its."""
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word
