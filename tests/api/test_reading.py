"""Lists, cursors, read-your-writes, samples."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinelog.actors.answers import LogPosition
from kinelog.api.cursors import BadCursorError, Cursors
from kinelog.api.positions import BadPositionError, later, positions_of, token_of, token_of_all

Serve = Callable[..., None]
MakeFrame = Callable[..., bytes]
KEYS = st.tuples(st.integers(-(2**60), 2**60), st.text(max_size=40), st.text(max_size=40))


def _id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def test_pages_of_a_list_join_without_a_hole_or_a_repeat(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        base = world.clock() - 1_000_000
        position = ""
        for number in range(7):
            fields = {"started_at_ms": base + number * 1_000}
            position = (await world.call("PUT", f"/v1/sessions/{_id(number)}", ada, body=fields)).json["position"]
        path = f"/v1/users/ada/sessions?limit=3&min_position={position}"
        seen: list[str] = []
        cursor = ""
        while True:
            page = (await world.call("GET", f"{path}&cursor={cursor}", ada)).json
            seen += [row["session"] for row in page["sessions"]]
            assert page["as_of"]
            if page["next"] is None:
                break
            cursor = page["next"]
        assert seen == [_id(number) for number in reversed(range(7))]
        within = f"/v1/users/ada/sessions?from={base + 2_000}&to={base + 4_000}"
        rows = (await world.call("GET", within, ada)).json["sessions"]
        assert [row["session"] for row in rows] == [_id(3), _id(2)]
        assert "person" not in rows[0]

    serve(scenario)


def test_a_cursor_that_is_changed_or_of_another_list_is_refused(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person("ada")
        await world.person("bob")
        position = ""
        for number in range(2):
            fields = {"started_at_ms": world.clock() - 10_000 + number}
            position = (await world.call("PUT", f"/v1/sessions/{_id(number)}", ada, body=fields)).json["position"]
        path = f"/v1/users/ada/sessions?limit=1&min_position={position}"
        cursor = (await world.call("GET", path, ada)).json["next"]
        changed = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
        for other in (changed, "x", "~~~", "a" * 600, cursor + "A"):
            reply = await world.call("GET", f"/v1/users/ada/sessions?cursor={other}", ada)
            assert (reply.status, reply.code) == (400, "bad-cursor")
        elsewhere = await world.call("GET", f"/v1/users/bob/sessions?cursor={cursor}", "owner")
        assert (elsewhere.status, elsewhere.code) == (400, "bad-cursor")
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        assert _id(1).encode() not in raw

    serve(scenario)


@given(KEYS, st.binary(min_size=1, max_size=3), st.integers(0, 10_000))
@settings(max_examples=100)
def test_only_what_was_sealed_opens(key: tuple[int, str, str], noise: bytes, place: int) -> None:
    cursors = Cursors(b"c" * 32)
    sealed = cursors.seal(("user", "a", "b"), key)
    assert cursors.open(("user", "a", "b"), sealed) == key
    with pytest.raises(BadCursorError):
        cursors.open(("gym", "a", "b"), sealed)
    with pytest.raises(BadCursorError):
        Cursors(b"d" * 32).open(("user", "a", "b"), sealed)
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    at = place % len(raw)
    if raw[at : at + len(noise)] != noise:
        raw[at : at + len(noise)] = noise
        with pytest.raises(BadCursorError):
            cursors.open(("user", "a", "b"), base64.urlsafe_b64encode(raw).decode())


@given(st.dictionaries(st.integers(0, 0xFFFF), st.integers(0, 2**50), min_size=1, max_size=20))
@settings(max_examples=100)
def test_position_tokens_give_the_positions_back(positions: dict[int, int]) -> None:
    assert positions_of(token_of_all(positions)) == positions
    shard, position = next(iter(positions.items()))
    assert positions_of(token_of(LogPosition(shard, position))) == {shard: position}
    assert later(LogPosition(1, 5), LogPosition(1, 4)) == LogPosition(1, 5)


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_other_texts_are_no_position_tokens(text: str) -> None:
    try:
        positions = positions_of(text)
    except BadPositionError:
        return
    assert all(position >= 0 for position in positions.values())


def test_a_position_that_views_have_not_reached_is_waited_for_in_vain_but_not_for_ever(
    serve: Serve, quick: Any
) -> None:
    from dataclasses import replace

    async def scenario(world: Any) -> None:
        ada = await world.person()
        behind = await world.call("GET", "/v1/users/ada/sessions?min_position=0-ffffff", ada)
        assert (behind.status, behind.code, behind.headers["Retry-After"]) == (503, "view-behind", "1")
        for wrong in ("x", "0-", "0-1-2", "ffff-1", "0-1.", "1" * 5000):
            reply = await world.call("GET", f"/v1/users/ada/sessions?min_position={wrong}", ada)
            assert (wrong, reply.status) == (wrong, 400)

    serve(scenario, replace(quick, read_wait_s=0.05))


def test_samples_come_in_pages_that_join(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        start_s = world.clock() // 1000 - 400
        await world.started(ada, started_at_ms=start_s * 1000)
        position = ""
        for number in range(300):
            path = f"/v1/sessions/{session}/frames/watch/{number}"
            reply = await world.call("PUT", path, ada, data=frame(number, start_s=start_s))
            position = reply.json["position"]
        path = f"/v1/sessions/{session}/samples?limit=256&min_position={position}"
        first = (await world.call("GET", path, ada)).json
        rest = (await world.call("GET", f"{path}&from={first['next_from']}", ada)).json
        assert rest["next_from"] is None
        starts = [run["start_ms"] for run in first["samples"] + rest["samples"]]
        assert len(starts) == len(set(starts)) == 300
        run = first["samples"][7]
        assert (run["device"], run["kind"], run["unit"], len(run["samples"])) == ("watch", "accelerometer", "mg", 50)
        assert run["samples"][0] == [7, 7, 7]

    serve(scenario)


def test_an_operators_route_finds_the_holder_and_two_holders_are_ambiguous(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada, bob = await world.person("ada"), await world.person("bob")
        position = (await world.started(ada)).json["position"]
        path = f"/v1/sessions/{session}?min_position={position}"
        assert (await world.call("GET", path, "owner")).json["user"] == "ada"
        position = (await world.started(bob)).json["position"]
        await world.call("GET", f"/v1/users/bob/sessions?min_position={position}", bob)
        both = await world.call("GET", path, "owner")
        assert (both.status, both.code) == (409, "ambiguous-session")
        for user in ("ada", "bob"):
            found = await world.call("GET", f"/v1/users/{user}/sessions/{session}", "owner")
            assert found.json["user"] == user
        put = await world.call("PUT", f"/v1/sessions/{session}", "owner", body={"started_at_ms": 1})
        assert put.status == 400

    serve(scenario)


def test_a_gyms_list_names_people_as_the_tenant_does(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        await world.call("PUT", "/v1/gyms/city", "owner", body={"name": "City", "time_zone": "Europe/Vienna"})
        ada = await world.person()
        position = (await world.started(ada, gym="city")).json["position"]
        page = (await world.call("GET", f"/v1/gyms/city/sessions?min_position={position}", "front-desk")).json
        assert [(row["session"], row["user"]) for row in page["sessions"]] == [(session, "ada")]

    serve(scenario)
