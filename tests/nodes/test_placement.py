"""Placement: nobody's shards move but the one's who comes or goes, and everybody has their share."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.actors.membership.placement import owners, with_best_salt
from kinelog.actors.membership.port import Member

NAMES = st.text("abcdefgh0123456789.-", min_size=1, max_size=12).filter(lambda name: name[0] not in ".-")
WEIGHTS = st.floats(0.05, 20.0)


def node(name: str, *, weight: float = 1.0, salt: int = 0, draining: bool = False) -> Member:
    return Member(
        name=name, life="00000000", address="", version="1", reads=1, weight=weight, salt=salt, draining=draining
    )


@st.composite
def groups(draw: st.DrawFn, least: int = 1) -> list[Member]:
    names = draw(st.lists(NAMES, min_size=least, max_size=8, unique=True))
    return [node(name, weight=draw(WEIGHTS), salt=draw(st.integers(0, 255))) for name in names]


@given(st.integers(0, 300), groups(least=2), st.data())
def test_who_joins_takes_shards_and_no_other_shard_moves(shards: int, group: list[Member], data: st.DataObject) -> None:
    joining = data.draw(st.sampled_from(group))
    before = owners(shards, [member for member in group if member != joining], {})
    after = owners(shards, group, {})
    assert all(new in (old, joining.name) for old, new in zip(before, after, strict=True))


@given(st.integers(0, 300), groups(least=2), st.data())
def test_who_drains_gives_away_its_shards_and_no_other_shard_moves(
    shards: int, group: list[Member], data: st.DataObject
) -> None:
    leaving = data.draw(st.sampled_from(group))
    before = owners(shards, group, {})
    after = owners(shards, [msgspec.structs.replace(member, draining=member == leaving) for member in group], {})
    assert leaving.name not in after
    assert all(old in (new, leaving.name) for old, new in zip(before, after, strict=True))


@given(st.integers(1, 64), groups())
def test_every_shard_has_an_owner_whoever_drains_and_the_order_of_members_means_nothing(
    shards: int, group: list[Member]
) -> None:
    draining = [msgspec.structs.replace(member, draining=True) for member in group]
    for members in (group, draining, [*draining[:1], *group[1:]]):
        owned = owners(shards, members, {})
        assert set(owned) <= {member.name for member in members}
        assert owned == owners(shards, list(reversed(members)), {})
    assert owners(shards, draining, {}) == owners(shards, group, {})


def test_without_members_nobody_owns_anything() -> None:
    assert owners(3, [], {0: "a"}) == (None, None, None)


def test_a_pin_moves_one_shard_and_is_void_while_its_node_is_away_or_drains() -> None:
    group = [node("a"), node("b"), node("c")]
    plain = owners(12, group, {})
    shard = plain.index("a")
    pinned = owners(12, group, {shard: "b"})
    assert pinned[shard] == "b"
    assert [each for index, each in enumerate(pinned) if index != shard] == [
        each for index, each in enumerate(plain) if index != shard
    ]
    assert owners(12, group, {shard: "d"}) == plain
    draining = [node("a"), node("b", draining=True), node("c")]
    assert owners(12, draining, {shard: "b"}) == owners(12, draining, {})
    assert owners(12, group, {99: "b"}) == plain


def test_shares_follow_the_weights() -> None:
    group = [node("small", weight=0.5), node("one"), node("large", weight=2.5)]
    owned = owners(4000, group, {})
    for member in group:
        assert owned.count(member.name) == pytest.approx(1000 * member.weight, rel=0.08)


def joined(shards: int, names: list[str], weights: list[float] | None = None) -> list[Member]:
    """A group whose members joined one after the other."""
    group: list[Member] = []
    for name, weight in zip(names, weights or [1.0] * len(names), strict=True):
        group.append(with_best_salt(shards, node(name, weight=weight), group))
    return group


@settings(max_examples=8, deadline=None)
@given(st.lists(NAMES, min_size=4, max_size=4, unique=True), st.sampled_from([8, 16, 24, 32, 64, 128]))
def test_a_fourth_node_moves_at_most_a_fifth_more_than_its_share(names: list[str], shards: int) -> None:
    group = joined(shards, names)
    before, after = owners(shards, group[:3], {}), owners(shards, group, {})
    moved = sum(old != new for old, new in zip(before, after, strict=True))
    assert 0.8 * shards / 4 <= moved <= 1.2 * shards / 4
    assert max(after.count(name) for name in names) <= 1.2 * shards / 4


def test_a_node_with_twice_the_weight_joins_with_twice_the_share() -> None:
    group = joined(40, ["a", "b", "c", "d"], [1.0, 1.0, 1.0, 2.0])
    assert owners(40, group, {}).count("d") == pytest.approx(16, abs=2)


def test_after_a_loss_the_rest_is_shared_by_all() -> None:
    group = joined(32, ["a", "b", "c", "d"])
    for left in itertools.combinations(group, 3):
        owned = owners(32, left, {})
        assert max(owned.count(member.name) for member in left) <= 1.2 * 32 / 3 + 1


def test_who_restarts_comes_back_to_its_shards() -> None:
    group = joined(32, ["a", "b", "c", "d"])
    others = [member for member in group if member.name != "d"]
    assert with_best_salt(32, node("d"), others) == group[3]


def test_a_placement_never_changes_between_versions() -> None:
    """Members of two versions of the program must agree; change these values only with the format of members."""
    group = [node("a", salt=3), node("b", weight=2.0), node("c", salt=255)]
    said = "".join(each or "-" for each in owners(24, group, {}))
    assert said == "abcabbbaabcbabbbbcaaacca"
