"""A phone's way to a model over HTTP: asked for by ETag, verified to the last byte, kept when anything disagrees."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinelog.device.evaluation import Evaluator
from kinelog.phone.answers import DeviceTokens
from kinelog.phone.credentials import Credentials
from kinelog.phone.model_fetch import ModelFetch, Outcome, Polled
from kinelog.phone.model_file import keep, restored
from kinelog.phone.transport import Answer, Patience, Request, Transport
from kinelog.registry.manifest import BLOB_BYTES, MANIFEST_BYTES, manifest_bytes, read_manifest
from kinelog.registry.publishing import rollback
from kinelog.registry.scope import Scope
from kinelog.registry.signing import SigningKey
from multidict import CIMultiDict, CIMultiDictProxy
from typing_extensions import override

from tests.device.built import SOURCES, STRICT, Library, build
from tests.registry.made_publications import KEY, OTHER_KEY, SCOPE, put

Serve = Callable[..., None]
MODEL_C = SOURCES / "kinelog_model.c"
MINE = Scope("alpine", "f-30s", ("left-wrist",))
IMPATIENT = Patience(first_delay_s=0.01, longest_delay_s=0.02, give_up_after_s=0.1, attempt_s=5.0)
Tamper = Callable[[Request, Answer], Answer]


class Wire(Transport):
    """The way to the service, with somebody on it who changes what comes back.

    Attributes:
        asked: What was asked, and how it was answered.
    """

    asked: list[tuple[str, int]]
    tamper: Tamper | None = None

    @override
    async def exchange(self, request: Request) -> Answer:
        answer = await super().exchange(request)
        self.asked.append((request.path, answer.status))
        return answer if self.tamper is None else self.tamper(request, answer)


@dataclass(frozen=True)
class Phone:
    """A phone with one pinned key, and no model yet."""

    wire: Wire
    fetch: ModelFetch


def fetching(serve: Serve, scenario: Callable[[Any, Phone], Awaitable[None]]) -> None:
    """Run a scenario with a phone of Ada's."""

    async def whole(world: Any) -> None:
        token = await world.person()
        async with aiohttp.ClientSession() as session:
            wire = Wire(session, str(world.client.make_url("")), IMPATIENT)
            wire.asked = []
            fetch = ModelFetch(Credentials(wire, DeviceTokens(token)), [KEY.public], MINE)
            await scenario(world, Phone(wire, fetch))

    serve(whole)


async def once_newer(fetch: ModelFetch) -> Polled:
    """The first poll that is not told that nothing changed: the service looks at its store every now and then."""
    async with asyncio.timeout(60):
        while (polled := await fetch.poll()).outcome is Outcome.UNCHANGED:
            pass
    return polled


def changed(answer: Answer, body: bytes, **headers: str) -> Answer:
    """The answer with other content."""
    others = CIMultiDict(answer.headers)
    others.update({name.replace("_", "-"): value for name, value in headers.items()})
    return msgspec.structs.replace(answer, body=body, headers=CIMultiDictProxy(others))


def test_a_published_model_reaches_the_phone_and_computes_there_what_was_published(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> None:
    built = build(tmp_path_factory.mktemp("device") / "libmodel.so", [MODEL_C], (*STRICT, "-O2", "-fPIC", "-shared"))
    library = Library(built)

    async def scenario(world: Any, phone: Phone) -> None:
        assert (await phone.fetch.poll()).outcome is Outcome.NONE
        published = put(world.services.models, MINE)
        assert await phone.fetch.poll() == Polled(Outcome.UPDATED)
        held = phone.fetch.held
        assert held is not None
        assert (held.manifest, held.version) == (published.manifest, 1)
        assert (await phone.fetch.poll()).outcome is Outcome.UNCHANGED
        assert [status for path, status in phone.wire.asked if path.startswith("/v1/models/")][-2:] == [200, 304]
        model = library.open(held.blob)
        model.verify_vectors()
        windows = np.stack([vector.window for vector in held.checked.blob.vectors])
        ours, theirs = Evaluator(held.checked.blob).evaluate(windows), model.evaluate(windows)
        np.testing.assert_allclose(theirs.logits, ours.logits, atol=1e-4)
        np.testing.assert_array_equal(theirs.decision, ours.decision)

    fetching(serve, scenario)


def test_a_newer_version_replaces_the_one_that_is_held_and_a_rollback_is_a_newer_version(serve: Serve) -> None:
    async def scenario(world: Any, phone: Phone) -> None:
        store = world.services.models
        store.add_key(KEY.public)
        first = put(store, MINE)
        await phone.fetch.poll()
        put(store, MINE, 1, after=first)
        assert (await once_newer(phone.fetch)).outcome is Outcome.UPDATED
        rollback(store, KEY, MINE)
        assert (await once_newer(phone.fetch)).outcome is Outcome.UPDATED
        assert phone.fetch.held is not None
        assert (phone.fetch.held.version, phone.fetch.held.checked.manifest.weights.sha256) == (3, first.blob)

    fetching(serve, scenario)


def test_one_wrong_byte_of_manifest_or_blob_is_refused_and_the_model_that_is_held_stays(serve: Serve) -> None:
    async def scenario(world: Any, phone: Phone) -> None:
        first = put(world.services.models, MINE)
        await phone.fetch.poll()
        held = phone.fetch.held
        put(world.services.models, MINE, 1, after=first)
        for path in ("/v1/models/", "/v1/blobs/"):
            for place in (0, 1, 7, 100, 999, -1, -2, -500):
                phone.wire.tamper = flipped(path, place)
                polled = await once_newer(phone.fetch)
                assert polled.outcome is Outcome.REFUSED, (path, place)
                assert polled.reason
                assert phone.fetch.held is held
        phone.wire.tamper = None
        assert (await phone.fetch.poll()).outcome is Outcome.UPDATED

    fetching(serve, scenario)


def flipped(start: str, place: int) -> Tamper:
    """Turns one bit over in answers about a path."""

    def tamper(request: Request, answer: Answer) -> Answer:
        if not request.path.startswith(start) or answer.status != 200:
            return answer
        body = bytearray(answer.body)
        body[place] ^= 1
        return changed(answer, bytes(body))

    return tamper


LIES: list[tuple[str, Callable[[Any], Any]]] = [
    ("tenant", lambda said: msgspec.structs.replace(said, tenant="rival")),
    ("cluster", lambda said: msgspec.structs.replace(said, cluster="all")),
    ("sensors", lambda said: msgspec.structs.replace(said, sensors=("waist",))),
    ("input", lambda said: msgspec.structs.replace(said, input=msgspec.structs.replace(said.input, rate_hz=25))),
    ("input", lambda said: msgspec.structs.replace(said, input=msgspec.structs.replace(said.input, front_end="raw2"))),
    ("layers", lambda said: msgspec.structs.replace(said, layers=said.layers[1:])),
    ("labels", lambda said: msgspec.structs.replace(said, labels=said.labels[::-1])),
    ("labels", lambda said: msgspec.structs.replace(said, labels=said.labels[1:])),
    ("temperature", lambda said: msgspec.structs.replace(said, temperature=said.temperature * 2)),
    ("test_vectors", lambda said: msgspec.structs.replace(said, test_vectors=said.test_vectors[1:])),
    (
        "weights.bytes",
        lambda said: msgspec.structs.replace(
            said, weights=msgspec.structs.replace(said.weights, bytes=said.weights.bytes - 1)
        ),
    ),
]


@pytest.mark.parametrize("lie", [lie for _, lie in LIES], ids=[f"{n}-{field}" for n, (field, _) in enumerate(LIES)])
def test_a_manifest_that_was_signed_and_disagrees_with_its_blob_is_refused(
    serve: Serve, lie: Callable[[Any], Any]
) -> None:
    def tamper(request: Request, answer: Answer) -> Answer:
        if not request.path.startswith("/v1/models/"):
            return answer
        body = manifest_bytes(lie(read_manifest(answer.body)))
        return changed(answer, body, Kinelog_Signature=KEY.sign(body).header)

    async def scenario(world: Any, phone: Phone) -> None:
        put(world.services.models, MINE)
        phone.wire.tamper = tamper
        polled = await phone.fetch.poll()
        assert polled.outcome is Outcome.REFUSED
        assert phone.fetch.held is None

    fetching(serve, scenario)


def test_another_version_is_only_taken_if_it_is_newer(serve: Serve) -> None:
    async def scenario(world: Any, phone: Phone) -> None:
        first = put(world.services.models, MINE)
        put(world.services.models, MINE, 1, after=first)
        await phone.fetch.poll()
        held = phone.fetch.held
        assert held is not None
        assert held.version == 2

        def replayed(request: Request, answer: Answer) -> Answer:
            if not request.path.startswith("/v1/models/"):
                return answer
            old = msgspec.structs.replace(answer, status=200)
            return changed(old, first.manifest, Kinelog_Signature=first.signature.header)

        phone.wire.tamper = replayed
        polled = await phone.fetch.poll()
        assert (polled.outcome, phone.fetch.held) == (Outcome.REFUSED, held)
        assert "not newer" in polled.reason

    fetching(serve, scenario)


def test_a_key_is_trusted_when_one_that_is_pinned_endorsed_it_and_otherwise_not(serve: Serve) -> None:
    stranger = SigningKey(bytes(range(7, 39)))

    def signed_by(key: SigningKey) -> Tamper:
        def tamper(request: Request, answer: Answer) -> Answer:
            if not request.path.startswith("/v1/models/"):
                return answer
            return changed(answer, answer.body, Kinelog_Signature=key.sign(answer.body).header)

        return tamper

    async def scenario(world: Any, phone: Phone) -> None:
        store = world.services.models
        put(store, MINE)
        store.add_key(KEY.public)
        store.add_key(stranger.public)
        phone.wire.tamper = signed_by(stranger)
        assert (await phone.fetch.poll()).outcome is Outcome.REFUSED
        store.add_key(KEY.endorse(OTHER_KEY.public))
        phone.wire.tamper = signed_by(OTHER_KEY)
        assert (await phone.fetch.poll()).outcome is Outcome.UPDATED

    fetching(serve, scenario)


@pytest.mark.parametrize(
    ("start", "most"), [("/v1/models/", MANIFEST_BYTES), ("/v1/blobs/", BLOB_BYTES)], ids=["manifest", "blob"]
)
def test_an_answer_without_end_is_not_read_to_its_end(serve: Serve, start: str, most: int) -> None:
    async def scenario(world: Any, phone: Phone) -> None:
        put(world.services.models, MINE)
        shelf = world.services.models
        if start == "/v1/blobs/":
            shelf.blob = lambda _sha256: bytes(most + 1)
        else:
            published = shelf.champion(MINE)._replace(manifest=b" " * (most + 1))
            shelf.champion = lambda _scope: published
        polled = await phone.fetch.poll()
        assert polled.outcome is Outcome.UNREACHABLE
        assert f"more than {most} bytes" in polled.reason
        assert phone.fetch.held is None

    fetching(serve, scenario)


def test_a_service_that_is_away_leaves_the_phone_with_what_it_has(serve: Serve) -> None:
    async def scenario(world: Any, phone: Phone) -> None:
        put(world.services.models, MINE)
        await phone.fetch.poll()
        held = phone.fetch.held
        world.services.region.stop(1.0)
        world.clock.ahead_ms += 60_000  # the token has to be looked up again, and cannot be
        polled = await phone.fetch.poll()
        assert (polled.outcome, phone.fetch.held) == (Outcome.UNREACHABLE, held)

    fetching(serve, scenario)


def test_what_the_phone_kept_is_checked_again_before_it_is_used(serve: Serve, tmp_path: Path) -> None:
    async def scenario(world: Any, phone: Phone) -> None:
        file = tmp_path / "model"
        assert restored(file, [KEY.public], MINE) is None
        put(world.services.models, MINE)
        await phone.fetch.poll()
        assert phone.fetch.held is not None
        keep(file, phone.fetch.held)
        kept = restored(file, [KEY.public], MINE)
        assert kept is not None
        assert (kept.manifest, kept.blob, kept.etag) == (
            phone.fetch.held.manifest,
            phone.fetch.held.blob,
            phone.fetch.held.etag,
        )
        again = ModelFetch(phone.fetch._credentials, [KEY.public], MINE, kept)
        assert (await again.poll()).outcome is Outcome.UNCHANGED
        assert restored(file, [OTHER_KEY.public], MINE) is None
        assert restored(file, [KEY.public], SCOPE) is None
        every_damage_is_seen(file)

    fetching(serve, scenario)


def every_damage_is_seen(file: Path) -> None:
    """Any byte of the file changed, or its end cut off, and there is no model, or the very same."""
    whole = file.read_bytes()
    sound = restored(file, [KEY.public], MINE)
    assert sound is not None

    def is_seen(damaged: bytes) -> None:
        file.write_bytes(damaged)
        left = restored(file, [KEY.public], MINE)
        assert left is None or (left.manifest, left.blob) == (sound.manifest, sound.blob)

    # Every bit of what is neither the manifest nor the blob: a few bytes that chance would seldom hit.
    inside = [range(whole.index(part), whole.index(part) + len(part)) for part in (sound.manifest, sound.blob)]
    for place in range(len(whole)):
        if not any(place in part for part in inside):
            for bit in range(8):
                is_seen(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    def damage(place: int, change: int, cut: bool) -> None:  # noqa: FBT001
        is_seen(whole[:place] if cut else whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])

    damage()
