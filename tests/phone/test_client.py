"""The client: retries that cannot store a frame twice, refusals that can be told apart."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import pytest
from kinelog.phone.client import OperatorClient, OutgoingFrame, PhoneClient, SessionStart, SetLabel, pair
from kinelog.phone.enrolment import enrol
from kinelog.phone.phone_session import SessionScript
from kinelog.phone.problems import (
    ConflictError,
    FramesMissingError,
    NotAllowedError,
    ServiceUnavailableError,
    UnusableError,
)
from kinelog.phone.transport import Patience, Transport, retry_after_s
from kinelog.phone.watch import WatchFrame

from tests.phone.fake_service import OWNER, FakeService, serving

HASTY = Patience(first_delay_s=0.001, longest_delay_s=0.002, give_up_after_s=60.0, attempt_s=60.0)
FRAMES = [step for step in SessionScript(1, 0, 0, 1_700_000_000_000, 0.5).steps() if isinstance(step, WatchFrame)]


class Waits:
    """Notes how long the client waits, and does not wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(
    service: FakeService, waits: Waits | None = None, patience: Patience = HASTY
) -> AsyncIterator[Transport]:
    async with aiohttp.ClientSession() as http:
        yield Transport(http, service.url, patience, sleep=waits or Waits())


async def paired(transport: Transport) -> PhoneClient:
    return PhoneClient(await enrol(OperatorClient(transport, OWNER), "ada", "pebble", "pebble"))


def test_a_phone_is_enrolled_and_sends_a_session() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            phone, session = await paired(transport), str(uuid4())
            await phone.start(session, SessionStart(1_700_000_000_000, "north"))
            first = await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[0].data))
            again = await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[0].data))
            batch = [OutgoingFrame("pebble", frame.sequence, frame.data) for frame in FRAMES]
            answer = await phone.post_frames(session, batch, compress=True)
            label = SetLabel(1, 2, "resistanceTargeted:arms/biceps-curl", "device", label_id="a")
            await phone.label(session, label)
            await phone.end(session, {"pebble": len(FRAMES)})
            assert (first.status, again.status) == ("stored", "duplicate")
            assert (answer.accepted, answer.duplicate) == (len(FRAMES) - 1, 1)
            assert (await phone.received(session)).of("pebble").stored == len(FRAMES)
            assert service.users == {"ada"}
            assert session in service.ended

    asyncio.run(scenario())


def test_an_answer_lost_after_the_frame_was_stored_ends_in_a_duplicate_and_one_frame() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            phone, session = await paired(transport), str(uuid4())
            await phone.start(session, SessionStart(0))
            service.store_but_drop_next = 3  # aiohttp itself repeats a PUT once on a connection that it had kept open
            answer = await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[0].data))
            assert answer.status == "duplicate"
            assert service.held(session, "pebble") == [0]
            assert service.duplicates == 3
            assert transport.tally.lost >= 1

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_back_no_earlier_than_the_service_asks(status: int) -> None:
    async def scenario() -> None:
        waits = Waits()
        async with serving(FakeService()) as service, connected(service, waits) as transport:
            service.refuse_next = [(status, "busy", "3"), (status, "busy", None)]
            await OperatorClient(transport, OWNER).register("ada")
            assert service.users == {"ada"}
            assert waits.seconds[0] == 3.0
            assert 0 < waits.seconds[1] <= HASTY.longest_delay_s

    asyncio.run(scenario())


def test_a_frame_before_its_session_waits_for_the_session() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            phone, session = await paired(transport), str(uuid4())
            service.start_after_refusal[session] = {"started_at_ms": 0}
            assert (await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[0].data))).status == "stored"
            assert transport.tally.answered_later == 1

    asyncio.run(scenario())


def test_refusals_are_told_apart_and_not_repeated() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            phone, session = await paired(transport), str(uuid4())
            await phone.start(session, SessionStart(0))
            with pytest.raises(UnusableError) as cut:
                await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[0].data[:-1]))
            await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[0].data))
            with pytest.raises(ConflictError) as taken:
                await phone.put_frame(session, OutgoingFrame("pebble", 0, FRAMES[1].data))
            with pytest.raises(FramesMissingError) as early:
                await phone.end(session, {"pebble": 3})
            with pytest.raises(NotAllowedError):
                await OperatorClient(transport, "kl.demo.wrong").register("eve")
            assert (cut.value.code, taken.value.code) == ("truncated-samples", "frame-conflict")
            assert early.value.missing == {"pebble": [(1, 1), (2, 2)]}
            assert transport.tally.answered_later == 0

    asyncio.run(scenario())


def test_it_gives_up_when_nobody_answers() -> None:
    async def scenario() -> None:
        patience = Patience(0.001, 0.002, give_up_after_s=0.05)
        # Bound and never listening: a port that is only free may be somebody else's a moment later.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            async with aiohttp.ClientSession() as http:
                with pytest.raises(ServiceUnavailableError, match="gave up after"):
                    await OperatorClient(Transport(http, url, patience), OWNER).register("ada")

    asyncio.run(scenario())


def test_a_lost_pairing_is_repeated_with_another_code() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            service.drop_pairing = True
            await paired(transport)
            assert service.seen.count(("POST", "/v1/users/ada/pairing-codes")) == 2

    asyncio.run(scenario())


def test_a_pairing_code_is_never_sent_twice_by_itself() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            service.drop_pairing = True
            with pytest.raises(ServiceUnavailableError, match="connection lost"):
                await pair(transport, "demo-00000000", "pebble", "pebble")
            assert service.seen == [("POST", "/v1/devices:pair")]

    asyncio.run(scenario())


def test_an_expired_token_is_refreshed_once_by_many_requests() -> None:
    async def scenario() -> None:
        async with serving(FakeService()) as service, connected(service) as transport:
            phone, session = await paired(transport), str(uuid4())
            await phone.start(session, SessionStart(0))
            service.tokens.clear()
            frames = [OutgoingFrame("pebble", frame.sequence, frame.data) for frame in FRAMES[:8]]
            await asyncio.gather(*(phone.put_frame(session, frame) for frame in frames))
            assert service.held(session, "pebble") == list(range(8))
            assert service.seen.count(("POST", "/v1/tokens:refresh")) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, 0.0), ("7", 7.0), ("soon", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float) -> None:
    assert retry_after_s(value) == seconds
