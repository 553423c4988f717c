"""Sessions and frames in, over HTTP."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped] # it has no annotations
import pytest
from kinelog.projections.errors import ViewsUnavailableError

MSGPACK = {"Content-Type": "application/msgpack"}
Serve = Callable[..., None]
MakeFrame = Callable[..., bytes]


def test_a_frame_is_stored_once_and_a_repeat_says_so(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0"
        first = await world.call("PUT", path, device, data=frame(0))
        again = await world.call("PUT", path, device, data=frame(0))
        assert (first.status, first.json["status"], first.json["high_water"]) == (201, "stored", 0)
        assert (again.status, again.json["status"], again.json["high_water"]) == (200, "duplicate", 0)
        held = (await world.call("GET", f"/v1/sessions/{session}/frames", device)).json
        assert held["devices"]["watch"]["stored"] == 1
        assert held["devices"]["watch"]["missing"] == []

    serve(scenario)


def test_other_bytes_under_a_taken_number_conflict_and_the_first_stays(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0"
        await world.call("PUT", path, device, data=frame(0))
        other = await world.call("PUT", path, device, data=frame(1))
        assert (other.status, other.code) == (409, "frame-conflict")
        assert (await world.call("PUT", path, device, data=frame(0))).json["status"] == "duplicate"
        held = (await world.call("GET", f"/v1/sessions/{session}/frames", device)).json
        assert held["devices"]["watch"]["quarantined"] == 1

    serve(scenario)


def test_an_undecodable_frame_names_the_byte_and_leaves_its_number_free(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0"
        refused = await world.call("PUT", path, device, data=frame(0) + b"\0")
        assert (refused.status, refused.code) == (422, "trailing-bytes")
        assert refused.json["errors"][0]["offset"] == len(frame(0))
        assert (await world.call("PUT", path, device, data=frame(0))).json["status"] == "stored"
        held = (await world.call("GET", f"/v1/sessions/{session}/frames", device)).json
        assert held["devices"]["watch"]["rejected"] == 1

    serve(scenario)


def test_a_frame_before_its_session_is_retryable_and_stored_once_it_started(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        path = f"/v1/sessions/{session.upper()}/frames/watch/0"
        early = await world.call("PUT", path, device, data=frame(0))
        assert (early.status, early.code, early.json["retryable"]) == (409, "session-not-started", True)
        assert early.json["type"] == "/problems/session-not-started"
        assert early.headers["Retry-After"] == "1"
        await world.started(device)
        assert (await world.call("PUT", path, device, data=frame(0))).status == 201

    serve(scenario)


@pytest.mark.parametrize(
    ("query", "body_of", "status", "code"),
    [
        ("?format=nothing", "frame", 400, "invalid-parameter"),
        ("?start=-1", "frame", 400, "invalid-parameter"),
        ("?start=99999999999999999", "frame", 400, "invalid-parameter"),
        ("?format=gfs", "gfs", 422, "start-required"),
        ("?format=muvr16", "frame", 422, "unknown-type"),
        ("", "empty", 422, "empty"),
        ("", "large", 413, "body-too-large"),
    ],
)
def test_single_frames_are_refused_for_a_stated_reason(
    serve: Serve, frame: MakeFrame, session: str, query: str, body_of: str, status: int, code: str
) -> None:
    bodies = {"frame": frame(0), "gfs": b"\xad\1\x32\5\0" + bytes(5), "empty": b"", "large": bytes(65_537)}

    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0{query}"
        reply = await world.call("PUT", path, device, data=bodies[body_of])
        assert (reply.status, reply.code) == (status, code)

    serve(scenario)


def test_a_frame_without_clock_is_stored_with_its_start(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0?start={world.clock()}&format=gfs"
        assert (await world.call("PUT", path, device, data=b"\xad\1\x32\5\0" + bytes(5))).status == 201

    serve(scenario)


@pytest.mark.parametrize(
    "path",
    ["not-a-uuid/frames/watch/0", "{session}/frames/-bad-/0", "{session}/frames/watch/-1", "{session}/frames/watch/x"],
)
def test_bad_names_in_the_path_are_named(serve: Serve, frame: MakeFrame, session: str, path: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        reply = await world.call("PUT", "/v1/sessions/" + path.format(session=session), device, data=frame())
        assert (reply.status, reply.code) == (400, "invalid-parameter")
        assert reply.json["errors"][0]["parameter"] in ("session", "device", "seq")

    serve(scenario)


@pytest.mark.parametrize("media", ["application/json", "text/plain"])
def test_a_frame_of_another_media_type_is_refused(serve: Serve, frame: MakeFrame, session: str, media: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0"
        reply = await world.call("PUT", path, device, data=frame(), headers={"Content-Type": media})
        assert (reply.status, reply.code) == (415, "unsupported-media-type")

    serve(scenario)


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_with_a_bad_frame_stores_the_good_ones_and_names_the_bad(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        body = msgpack.packb([["watch", 0, frame(0)], ["watch", 1, b"junk"], ["watch", 3, frame(3)]])
        reply = await world.call("POST", f"/v1/sessions/{session}/frames", device, data=body, headers=MSGPACK)
        assert reply.status == 200
        answer = reply.json
        assert (answer["accepted"], answer["duplicate"], answer["high_water"]) == (2, 0, {"watch": 3})
        assert [(bad["device"], bad["seq"], bad["type"]) for bad in answer["rejected"]] == [
            ("watch", 1, "/problems/bad-magic")
        ]
        again = await world.call("POST", f"/v1/sessions/{session}/frames", device, data=body, headers=MSGPACK)
        assert (again.json["accepted"], again.json["duplicate"]) == (0, 2)
        held = (await world.call("GET", f"/v1/sessions/{session}/frames", device)).json
        assert held["devices"]["watch"]["missing"] == [[1, 2]]

    serve(scenario)


def test_a_large_batch_becomes_several_commands_with_one_answer_in_order(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        rows = [["watch", number, b"x" if number % 100 == 7 else frame(number, rows=1)] for number in range(700)]
        headers = {**MSGPACK, "Content-Encoding": "gzip"}
        path = f"/v1/sessions/{session}/frames"
        reply = await world.call("POST", path, device, data=gzip.compress(msgpack.packb(rows)), headers=headers)
        assert reply.json["accepted"] == 693
        assert [bad["seq"] for bad in reply.json["rejected"]] == [7, 107, 207, 307, 407, 507, 607]
        assert reply.json["high_water"] == {"watch": 699}

    serve(scenario)


def test_a_batch_of_nothing_usable_is_refused_with_each_reason(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames"
        body = msgpack.packb([["watch", 0, b"junk"], ["watch", 1, b""]])
        reply = await world.call("POST", path, device, data=body, headers=MSGPACK)
        assert (reply.status, reply.code) == (422, "nothing-usable")
        assert [bad["type"] for bad in reply.json["rejected"]] == ["/problems/bad-magic", "/problems/empty"]
        empty = await world.call("POST", path, device, data=msgpack.packb([]), headers=MSGPACK)
        assert (empty.status, empty.code) == (422, "nothing-usable")

    serve(scenario)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"\xc1", ""),
        (msgpack.packb({"watch": 1}), ""),
        (msgpack.packb([["watch", 0]]), "/0"),
        (msgpack.packb([["watch", -1, b""]]), "/0/1"),
        (msgpack.packb([["watch", True, b""]]), "/0/1"),
        (msgpack.packb([["watch", 1 << 40, b""]]), "/0/1"),
        (msgpack.packb([["-", 0, b""]]), "/0/0"),
        (msgpack.packb([["watch", 0, "text"]]), "/0/2"),
        (msgpack.packb([["watch", 0, b"", -5]]), "/0/3"),
        (msgpack.packb([["watch", 0, b"", None, "no"]]), "/0/4"),
        (msgpack.packb([msgpack.ExtType(5, b"1234")]), ""),
        (b"\xdd\xff\xff\xff\xff", ""),  # claims four billion frames
        (b"\xdc\x00\x01\xc6\xff\xff\xff\xff", ""),  # claims four billion bytes
        (b"\x91" * 100_000, ""),  # nests without end
        (msgpack.packb([["watch", 0, b""]]) + b"\0", ""),
    ],
)
def test_a_body_that_is_no_batch_is_refused_at_the_place(serve: Serve, session: str, body: bytes, pointer: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        reply = await world.call("POST", f"/v1/sessions/{session}/frames", device, data=body, headers=MSGPACK)
        assert (reply.status, reply.code) == (400, "invalid-batch")
        assert reply.json["errors"][0]["pointer"] == pointer

    serve(scenario)


def test_a_multipacket_is_stored_under_the_name_and_time_of_the_query(serve: Serve, session: str) -> None:
    body = b"\xca\xb1\x01\0\0\0\1" + b"\x00\x0a\x01" + b"\xad\1\x32\5\0" + bytes(5)
    headers = {"Content-Type": "application/vnd.lift.multipacket"}

    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames"
        for query in ("", "?device=watch&seq=0", "?device=watch&start=1", "?seq=0&start=1"):
            reply = await world.call("POST", path + query, device, data=body, headers=headers)
            assert (reply.status, reply.code) == (400, "invalid-parameter")
        query = f"?device=watch&seq=4&start={world.clock()}"
        reply = await world.call("POST", path + query, device, data=body, headers=headers)
        assert (reply.status, reply.json["accepted"], reply.json["high_water"]) == (200, 1, {"watch": 4})

    serve(scenario)


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", _raw_deflate)]
)
def test_compressed_bodies_are_taken(
    serve: Serve, frame: MakeFrame, session: str, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0"
        headers = {"Content-Encoding": coding}
        assert (await world.call("PUT", path, device, data=pack(frame()), headers=headers)).status == 201
        assert (await world.call("PUT", path, device, data=frame())).json["status"] == "duplicate"

    serve(scenario)


def test_a_bomb_is_refused_without_being_unpacked(serve: Serve, session: str) -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 9)

    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        headers = {**MSGPACK, "Content-Encoding": "gzip"}
        reply = await world.call("POST", f"/v1/sessions/{session}/frames", device, data=bomb, headers=headers)
        assert (reply.status, reply.code) == (413, "body-too-large")
        frame_path = f"/v1/sessions/{session}/frames/watch/0"
        reply = await world.call("PUT", frame_path, device, data=bomb[:60_000], headers={"Content-Encoding": "gzip"})
        assert (reply.status, reply.code) == (413, "body-too-large")

    serve(scenario)


@pytest.mark.parametrize(
    ("coding", "body", "status", "code"),
    [
        ("br", b"x", 415, "unsupported-content-encoding"),
        ("gzip, gzip", b"x", 415, "unsupported-content-encoding"),
        ("gzip", b"not gzip", 400, "bad-content-encoding"),
        ("gzip", gzip.compress(b"cut", mtime=0)[:-4], 400, "bad-content-encoding"),
        ("gzip", gzip.compress(b"more", mtime=0) + b"behind", 400, "bad-content-encoding"),
    ],
)
def test_wrong_encodings_are_refused(
    serve: Serve, session: str, coding: str, body: bytes, status: int, code: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        path = f"/v1/sessions/{session}/frames/watch/0"
        reply = await world.call("PUT", path, device, data=body, headers={"Content-Encoding": coding})
        assert (reply.status, reply.code) == (status, code)

    serve(scenario)


@pytest.mark.parametrize("media", ["application/octet-stream", "application/x-www-form-urlencoded", None])
def test_a_frame_is_bytes_whatever_a_plain_client_calls_them(
    serve: Serve, frame: MakeFrame, session: str, media: str | None
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        headers = {} if media is None else {"Content-Type": media}
        path = f"/v1/sessions/{session}/frames/watch/0"
        assert (await world.call("PUT", path, device, data=frame(), headers=headers)).status == 201

    serve(scenario)


def test_a_batch_of_which_all_numbers_hold_other_frames_conflicts(serve: Serve, frame: MakeFrame, session: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames"
        await world.call("PUT", f"{path}/watch/0", device, data=frame(0))
        reply = await world.call("POST", path, device, data=msgpack.packb([["watch", 0, frame(1)]]), headers=MSGPACK)
        assert (reply.status, reply.code) == (409, "frame-conflict")
        assert [bad["seq"] for bad in reply.json["rejected"]] == [0]

    serve(scenario)


def test_the_start_of_the_query_is_that_of_the_frames_that_name_none(serve: Serve, session: str) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        block = bytes((0xAD, 1, 50, 5, 0)) + bytes(5)
        path = f"/v1/sessions/{session}/frames?start=1772368200000"
        body = msgpack.packb([["watch", 0, block], ["watch", 1, block, 1_772_368_201_000]])
        reply = await world.call("POST", path, device, data=body, headers=MSGPACK)
        assert (reply.status, reply.json["accepted"]) == (200, 2)

    serve(scenario)


def test_a_start_beside_bytes_that_say_theirs_makes_no_other_frame(
    serve: Serve, frame: MakeFrame, session: str
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        path = f"/v1/sessions/{session}/frames/watch/0"
        assert (await world.call("PUT", path, device, data=frame())).status == 201
        again = await world.call("PUT", f"{path}?start=1772368200000", device, data=frame())
        assert (again.status, again.json["status"]) == (200, "duplicate")

    serve(scenario)


def test_what_is_stored_is_told_while_no_views_exist(
    serve: Serve, frame: MakeFrame, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(world: Any) -> None:
        device = await world.person()
        await world.started(device)
        written = await world.call("PUT", f"/v1/sessions/{session}/frames/watch/0", device, data=frame())

        def none_yet(*_: object) -> list[object]:
            raise ViewsUnavailableError

        monkeypatch.setattr(world.services.read_side, "rejects", none_yet)
        held = await world.call("GET", f"/v1/sessions/{session}/frames", device)
        assert (held.status, held.json["rejects"]) == (200, [])
        assert held.json["devices"]["watch"]["stored"] == 1
        assert held.json["position"] == written.json["position"]

    serve(scenario)
