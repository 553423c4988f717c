"""People, places, sessions' ends, labels: every write and what it makes visible."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

Serve = Callable[..., None]
MakeFrame = Callable[..., bytes]
GYM = {
    "name": "City", "time_zone": "Europe/Vienna",
    "stations": [{"name": "bench", "exercises": ["resistanceTargeted:chest/bench-press"], "step_kg": 2.5}],
}  # fmt: skip


def test_people_are_registered_once_and_their_profile_and_consents_read_back(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        body = {"profile": {"age_group": "30s", "height_cm": 172}}
        first = await world.call("PUT", "/v1/users/ada", "front-desk", body=body)
        again = await world.call("PUT", "/v1/users/ada", "owner", body=body)
        assert (first.status, first.json["changed"]) == (201, True)
        assert (again.status, again.json["changed"]) == (200, False)
        user = (await world.call("GET", "/v1/users/ada", "front-desk")).json
        assert user["profile"]["age_group"] == "30s"
        profile = {"sex": "female", "proficiency": "advanced", "weight_kg": 61.5}
        assert (await world.call("PUT", "/v1/users/ada/profile", "owner", body=profile)).json["changed"]
        held = (await world.call("GET", "/v1/users/ada/profile", "owner")).json
        assert held == {"age_group": None, "height_cm": None, **profile}
        for purposes, changed in (
            (["shared-models", "training-models"], True),
            (["training-models"], True),
            ([], True),
        ):
            wanted = {"purposes": purposes}
            assert (await world.call("PUT", "/v1/users/ada/consents", "owner", body=wanted)).json["changed"] is changed
            assert (await world.call("PUT", "/v1/users/ada/consents", "owner", body=wanted)).json["changed"] is False
            assert (await world.call("GET", "/v1/users/ada/consents", "owner")).json == wanted

    serve(scenario)


def test_a_field_that_is_not_known_or_not_valid_is_named(serve: Serve) -> None:
    cases: list[tuple[str, object, str]] = [
        ("/v1/users/ada", {"profile": {"height_cm": 5}}, "/profile/height_cm"),
        ("/v1/users/ada", {"profil": {}}, ""),
        ("/v1/users/ada/consents", {"purposes": ["world-peace"]}, "/purposes/0"),
        ("/v1/gyms/city", {**GYM, "time_zone": "Mars/Base"}, "/time_zone"),
        ("/v1/gyms/city", {**GYM, "stations": [{"name": "a", "exercises": ["juggling"]}]}, "/stations/0/exercises/0"),
    ]

    async def scenario(world: Any) -> None:
        await world.person()
        for path, body, pointer in cases:
            reply = await world.call("PUT", path, "owner", body=body)
            assert (path, reply.status) == (path, 422)
            assert reply.json["errors"][0]["pointer"] == pointer

    serve(scenario)


def test_feedback_is_kept_and_a_repeat_is_one(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        await world.started(ada)
        body = {"rating": 4, "text": "good"}
        assert (await world.call("PUT", f"/v1/sessions/{session}/feedback", ada, body=body)).json["changed"]
        assert not (await world.call("PUT", f"/v1/sessions/{session}/feedback", ada, body=body)).json["changed"]
        suggestion = {"rating": 1, "subject": "suggestion:squat"}
        assert (await world.call("PUT", "/v1/users/ada/feedback", ada, body=suggestion)).json["changed"]
        given = (await world.call("GET", "/v1/users/ada/feedback", ada)).json["feedback"]
        assert [(word["rating"], word["session"]) for word in given] == [(4, session), (1, None)]
        other = {**body, "session": session.replace("6", "7")}
        assert (await world.call("PUT", f"/v1/sessions/{session}/feedback", ada, body=other)).status == 422

    serve(scenario)


def test_a_session_ends_only_when_its_frames_came_or_are_given_up(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        await world.started(ada)
        repeated = await world.call(
            "PUT", f"/v1/sessions/{session}", ada, body={"started_at_ms": world.clock() - 5, "plan": "other"}
        )
        assert (repeated.status, repeated.code) == (409, "session-id-used")
        for number in (0, 3):
            await world.call("PUT", f"/v1/sessions/{session}/frames/watch/{number}", ada, data=frame(number))
        refused = await world.call("POST", f"/v1/sessions/{session}:end", ada, body={"frames": {"watch": 6}})
        assert (refused.status, refused.code) == (409, "frames-missing")
        assert refused.json["missing"] == {"watch": [[1, 2], [4, 5]]}
        final = {"frames": {"watch": 6}, "final": True}
        ended = await world.call("POST", f"/v1/sessions/{session}:end", ada, body=final)
        assert (ended.status, ended.json["changed"]) == (200, True)
        assert not (await world.call("POST", f"/v1/sessions/{session}:end", ada, body=final)).json["changed"]
        over = await world.call("POST", f"/v1/sessions/{session}:abandon", ada)
        assert (over.status, over.code) == (409, "session-ended")
        path = f"/v1/sessions/{session}?min_position={ended.json['position']}"
        seen = (await world.call("GET", path, ada)).json
        assert (seen["status"], seen["user"], seen["frames"]) == ("ended", "ada", {"watch": 2})

    serve(scenario)


def test_a_deleted_session_is_gone(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        await world.started(ada)
        gone = await world.call("DELETE", f"/v1/sessions/{session}", ada)
        assert gone.json["changed"]
        path = f"/v1/sessions/{session}?min_position={gone.json['position']}"
        seen = await world.call("GET", path, ada)
        assert (seen.status, seen.code) == (404, "session-unknown")
        assert (await world.call("GET", f"/v1/sessions/{session}/frames", ada)).status in (404, 410)
        assert not (await world.call("DELETE", f"/v1/sessions/{session}", ada)).json["changed"]

    serve(scenario)


def test_labels_are_numbered_and_corrections_need_the_version(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        await world.started(ada)
        start = world.clock() - 50_000
        label = {
            "start_ms": start, "end_ms": start + 10_000, "exercise": "resistanceTargeted:arms/biceps-curl",
            "repetitions": 10, "weight_kg": 12.5, "confidence": 0.9, "label_id": "a",
        }  # fmt: skip
        path = f"/v1/sessions/{session}"
        first = await world.call("POST", f"{path}/labels", ada, body=label)
        assert (first.status, first.json["number"], first.headers["ETag"]) == (201, 1, '"1"')
        assert (await world.call("POST", f"{path}/labels", ada, body=label)).status == 200
        many = [
            label,
            {**label, "label_id": "b", "start_ms": start + 20_000, "end_ms": start + 30_000},
            {**label, "label_id": "c", "exercise": "juggling"},
        ]
        outcomes = (await world.call("POST", f"{path}/labels", ada, body=many)).json["outcomes"]
        assert [outcome["number"] for outcome in outcomes] == [1, 2, None]
        assert outcomes[2]["type"] == "/problems/label-invalid"
        bad = await world.call("POST", f"{path}/labels", ada, body={**many[1], "label_id": "d", "exercise": "x"})
        assert (bad.status, bad.json["errors"][0]["pointer"]) == (422, "/exercise")
        assert (await world.call("PATCH", f"{path}/sets/1", ada, body={})).status == 428
        change = {"repetitions": 12, "weight_kg": None}
        ok = await world.call("PATCH", f"{path}/sets/1", ada, body=change, headers={"If-Match": '"1"'})
        assert (ok.status, ok.json["version"], ok.headers["ETag"]) == (200, 2, '"2"')
        stale = await world.call("PATCH", f"{path}/sets/1", ada, body={"repetitions": 3}, headers={"If-Match": '"1"'})
        assert (stale.status, stale.code) == (412, "set-stale")
        for wrong in ("1", "", '"1', "*, *"):
            reply = await world.call("PATCH", f"{path}/sets/1", ada, body=change, headers={"If-Match": wrong})
            assert (reply.status, reply.code) == (400, "invalid-parameter")
        missing = await world.call("PATCH", f"{path}/sets/9", ada, body=change, headers={"If-Match": '"1"'})
        assert (missing.status, missing.code) == (404, "set-unknown")
        one = await world.call("GET", f"{path}/sets/1", ada)
        assert one.headers["ETag"] == '"2"'
        assert (one.json["detected"]["repetitions"], one.json["corrected"]["repetitions"]) == (10, 12)
        assert (one.json["corrected"]["exercise"], one.json["corrected"]["weight_kg"]) == (label["exercise"], None)
        for known in ('"2"', 'W/"2"', '"1", "2"', "*"):
            same = await world.call("GET", f"{path}/sets/1", ada, headers={"If-None-Match": known})
            assert (known, same.status, same.body, same.headers["ETag"]) == (known, 304, b"", '"2"')
        listed = (await world.call("GET", f"{path}/sets?min_position={ok.json['position']}", ada)).json["sets"]
        assert [(row["number"], row["version"]) for row in listed] == [(1, 2), (2, 1)]
        assert listed[0] == one.json

    serve(scenario)


def test_places_are_defined_by_owners_and_read_by_all(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        first = await world.call("PUT", "/v1/gyms/city", "owner", body=GYM)
        assert (first.status, (await world.call("PUT", "/v1/gyms/city", "owner", body=GYM)).status) == (201, 200)
        ada = await world.person()
        gym = (await world.call("GET", "/v1/gyms/city", ada)).json
        assert (gym["name"], gym["stations"][0]["step_kg"]) == ("City", 2.5)
        assert [row["gym"] for row in (await world.call("GET", "/v1/gyms", "engineer")).json["gyms"]] == ["city"]
        nowhere = await world.call("GET", "/v1/gyms/nowhere/occupancy", "owner")
        assert (nowhere.status, nowhere.code) == (404, "gym-unknown")
        for query in ("from=2026-02-30T10", "from=2026-01-01", "from=2020-01-01T00&to=2026-01-01T00"):
            reply = await world.call("GET", f"/v1/gyms/city/occupancy?{query}", "owner")
            assert (reply.status, reply.code) == (400, "invalid-parameter")

    serve(scenario)


def test_figures_of_a_gym_count_its_sessions(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        await world.call("PUT", "/v1/gyms/city", "owner", body=GYM)
        ada = await world.person()
        position = (await world.started(ada, gym="city")).json["position"]
        path = f"/v1/gyms/city/occupancy?min_position={position}"
        figures = (await world.call("GET", path, "engineer")).json
        assert figures["time_zone"] == "Europe/Vienna"
        assert sum(hour["sessions"] for hour in figures["hours"]) >= 1
        start = world.clock() - 30_000
        label = {
            "start_ms": start, "end_ms": start + 10_000,
            "exercise": "resistanceTargeted:chest/bench-press@bench",
        }  # fmt: skip
        position = (await world.call("POST", f"/v1/sessions/{session}/labels", ada, body=label)).json["position"]
        path = f"/v1/gyms/city/stations?min_position={position}"
        use = (await world.call("GET", path, "owner")).json["stations"]
        assert [(row["station"], row["sets"], row["seconds"]) for row in use] == [("bench", 1, 10.0)]

    serve(scenario)


def test_an_export_holds_everything_in_open_formats(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        await world.started(ada)
        for number in range(3):
            await world.call("PUT", f"/v1/sessions/{session}/frames/watch/{number}", ada, data=frame(number))
        await world.call("PUT", f"/v1/sessions/{session}/frames/watch/9", ada, data=b"junk")
        reply = await world.call("GET", "/v1/users/ada/export", ada)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/zip")
        archive = zipfile.ZipFile(io.BytesIO(reply.body))
        assert archive.testzip() is None
        folder = f"sessions/{session}"
        assert json.loads(archive.read("user.json"))["user"] == "ada"
        frames = [json.loads(line) for line in archive.read(f"{folder}/frames.ndjson").splitlines()]
        assert [row["sequence"] for row in frames] == [0, 1, 2]
        rows = list(csv.DictReader(io.StringIO(archive.read(f"{folder}/samples.csv").decode())))
        assert len(rows) == 150
        assert {row["x"] for row in rows if row["sequence"] == "2"} == {"2"}
        kept = [json.loads(line) for line in archive.read(f"{folder}/kept_aside.ndjson").splitlines()]
        assert [(row["event"], row["sequence"]) for row in kept] == [("FrameRejected", 9)]

    serve(scenario)


def test_an_erased_person_is_unknown_to_everybody_and_their_token_is_worthless(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        ada = await world.person()
        await world.started(ada)
        await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", ada, data=frame())
        erased = await world.call("DELETE", "/v1/users/ada", ada)
        assert (erased.status, erased.json["changed"]) == (200, True)
        assert (await world.call("GET", "/v1/users/ada", ada)).status == 401
        for path in ("/v1/users/ada", "/v1/users/ada/export", "/v1/users/ada/sessions"):
            assert (await world.call("GET", path, "owner")).status == 404
        assert (await world.call("DELETE", "/v1/users/ada", "owner")).status == 404
        path = f"/v1/sessions/{session}?min_position={erased.json['position']}"
        assert (await world.call("GET", path, "owner")).status == 404

    serve(scenario)
