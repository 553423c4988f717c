"""Clusters of people: how they are named, which lies in which, and whose model a person gets.

A cluster is what people say of themselves, from the coarse to the fine: `all`, `f`, `f-30s`, `f-30s-intermediate`. A
person is in one cluster at a time: the finest of the table that fits. That needs no fit and no other person, so who
registered a second ago has a model.
"""

from __future__ import annotations

from collections.abc import Collection

EVERYBODY = "all"
JOINED_BY = "-"

_SEX = {"female": "f", "male": "m"}
_AGE = {
    "under-20": "u20", "20s": "20s", "30s": "30s", "40s": "40s", "50s": "50s", "60-and-over": "60plus",
}  # fmt: skip
"""Age groups without the dashes that join the parts of a name."""
_PROFICIENCY = frozenset({"beginner", "intermediate", "advanced"})


def finest_cluster(age_group: str | None, sex: str | None, proficiency: str | None) -> str:
    """The cluster of people who say just the same of themselves.

    It ends at the first thing that is unknown: `female`, no age and `beginner` is `f`. Who says `other` of their sex,
    or nothing, is in `all`: a group so small would say who they are.
    """
    parts: list[str] = []
    for known in (_SEX.get(sex or ""), _AGE.get(age_group or ""), proficiency if proficiency in _PROFICIENCY else None):
        if known is None:
            break
        parts.append(known)
    return JOINED_BY.join(parts) or EVERYBODY


def chain_of(cluster: str) -> tuple[str, ...]:
    """A cluster and all that it lies in, the finest first and `all` last."""
    parts = [] if cluster == EVERYBODY else cluster.split(JOINED_BY)
    return (*(JOINED_BY.join(parts[:end]) for end in range(len(parts), 0, -1)), EVERYBODY)


def is_within(cluster: str, other: str) -> bool:
    """Whether a cluster is another or lies in it."""
    return other in chain_of(cluster)


def assigned_cluster(age_group: str | None, sex: str | None, proficiency: str | None, table: Collection[str]) -> str:
    """The cluster that a person is in.

    Args:
        age_group: As the person says, like `sex` and `proficiency`; None where they do not.
        sex: `female`, `male`, `other`.
        proficiency: `beginner`, `intermediate`, `advanced`.
        table: Names of the clusters that there are; `all` is one of them even where it is not named.
    """
    return nearest(finest_cluster(age_group, sex, proficiency), table)


def nearest(cluster: str, table: Collection[str]) -> str:
    """The finest cluster of a table that this one is or lies in."""
    return next((name for name in chain_of(cluster) if name in table), EVERYBODY)
