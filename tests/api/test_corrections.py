"""Corrections of a set, and what their `If-Match` says of the version that was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from kinelog.api import sets
from kinelog.domain.commands import CorrectSet
from kinelog.domain.values import Source

Serve = Callable[..., None]


async def _labelled(world: Any, device: str, session: str) -> str:
    """Path of a set of version 1."""
    await world.started(device)
    start = world.clock() - 50_000
    label = {
        "start_ms": start, "end_ms": start + 10_000, "exercise": "resistanceTargeted:arms/biceps-curl",
        "repetitions": 10,
    }  # fmt: skip
    assert (await world.call("POST", f"/v1/sessions/{session}/labels", device, body=label)).status == 201
    return f"/v1/sessions/{session}/sets/1"


def test_a_correction_names_any_version_or_several_but_none_weakly(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        path = await _labelled(world, ada, session)
        for if_match, repetitions, version in (("*", 11, 2), ('"1", "2"', 12, 3), ('"9","3"', 13, 4), ("*", 14, 5)):
            change = {"repetitions": repetitions}
            corrected = await world.call("PATCH", path, ada, body=change, headers={"If-Match": if_match})
            assert (if_match, corrected.status, corrected.headers["ETag"]) == (if_match, 200, f'"{version}"')
        for stale in ('W/"5"', '"x"', '"1", "2"', 'W/"5", "6"'):
            refused = await world.call("PATCH", path, ada, body={"repetitions": 3}, headers={"If-Match": stale})
            assert (stale, refused.status, refused.code) == (stale, 412, "set-stale")
            assert (refused.json["number"], refused.json["version"]) == (1, 5)
        # The answer was lost and the same request comes again, with a list that has the version before.
        again = await world.call("PATCH", path, ada, body={"repetitions": 14}, headers={"If-Match": '"3", "4"'})
        assert (again.status, again.headers["ETag"]) == (200, '"5"')
        missing = await world.call("PATCH", path[:-1] + "9", ada, body={}, headers={"If-Match": "*"})
        assert (missing.status, missing.code) == (404, "set-unknown")

    serve(scenario)


def test_a_correction_of_whichever_version_outlasts_others_and_gives_up_in_the_end(
    serve: Serve, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = {"corrections": 2, "repetitions": 20}
    looked = sets._known_set

    async def overtaken(call: Any, *which: Any) -> Any:
        known = await looked(call, *which)
        if faster["corrections"]:
            faster["corrections"] -= 1
            faster["repetitions"] += 1
            label = msgspec.structs.replace(known.label, repetitions=faster["repetitions"])
            await call.ask(which[0], CorrectSet(
                at_ms=call.now_ms, by="operator:t0", session=which[1], number=1, version=known.version, label=label,
                source=Source.TRAINER, deleted=False,
            ))  # fmt: skip
        return known

    async def scenario(world: Any) -> None:
        ada = await world.person()
        path = await _labelled(world, ada, session)
        monkeypatch.setattr(sets, "_known_set", overtaken)
        change, any_version = {"weight_kg": 5.0}, {"If-Match": "*"}
        done = await world.call("PATCH", path, ada, body=change, headers=any_version)
        assert (done.status, done.headers["ETag"]) == (200, '"4"')
        label = (await world.call("GET", path, ada)).json["corrected"]
        assert (label["repetitions"], label["weight_kg"]) == (22, 5.0)  # nothing of the others' is undone
        faster["corrections"] = sets.ANY_VERSION_TRIES
        busy = await world.call("PATCH", path, ada, body=change, headers=any_version)
        assert (busy.status, busy.code, busy.headers["Retry-After"]) == (429, "busy", "1")
        faster["corrections"] = 1
        stale = await world.call("PATCH", path, ada, body=change, headers={"If-Match": '"8"'})
        assert (stale.status, stale.code) == (412, "set-stale")

    serve(scenario)
