"""The interface of the service as calls: what an operator's desk and a phone can ask for."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

import msgspec
from kinelog.phone.answers import BatchAnswer, DeviceTokens, FrameAnswer, PairingCode, SetAnswer, read
from kinelog.phone.credentials import Credentials
from kinelog.phone.received import ReceivedFrames
from kinelog.phone.transport import Request, Transport


class OutgoingFrame(msgspec.Struct, frozen=True, array_like=True):
    """One frame to send.

    Attributes:
        device, sequence: With the session they name the frame.
        data: Its bytes.
        start_ms: When it began, for layouts that carry no clock.
        format: Its layout, where the bytes leave a doubt.
    """

    device: str
    sequence: int
    data: bytes
    start_ms: int | None = None
    format: str | None = None


class SessionStart(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a session begins; times are Unix milliseconds."""

    started_at_ms: int
    gym: str | None = None
    plan: str | None = None
    groups: tuple[str, ...] = ()
    intensity: float | None = None


class SetLabel(msgspec.Struct, frozen=True, omit_defaults=True):
    """That a set was done, and by whose word: `device`, `person` or `trainer`."""

    start_ms: int
    end_ms: int
    exercise: str
    source: str
    repetitions: int | None = None
    weight_kg: float | None = None
    intensity: float | None = None
    rest_s: float | None = None
    confidence: float | None = None
    label_id: str | None = None


class SetCorrection(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a set really was."""

    exercise: str
    source: str
    repetitions: int | None = None
    weight_kg: float | None = None
    intensity: float | None = None
    rest_s: float | None = None


class Consents(msgspec.Struct, frozen=True):
    """What a person consents to."""

    purposes: tuple[str, ...] = ()


class OperatorClient:
    """What the desk of a gym asks: make people known, hand out pairing codes."""

    def __init__(self, transport: Transport, token: str) -> None:
        """Take the operator's token."""
        self._transport = transport
        self._token = token

    async def register(self, user: str) -> None:
        """Make a person known; known already is fine."""
        await self._transport.exchange(Request("PUT", f"/v1/users/{quote(user, safe='')}", self._token, b"{}"))

    async def pairing_code(self, user: str) -> PairingCode:
        """A code with which a device of this person can be paired, once."""
        path = f"/v1/users/{quote(user, safe='')}/pairing-codes"
        return read(await self._transport.exchange(Request("POST", path, self._token, b"{}")), PairingCode)

    async def tell(self, user: str, profile: Mapping[str, str]) -> None:
        """Write down what a person says of themselves, in place of what they said before."""
        path = f"/v1/users/{quote(user, safe='')}/profile"
        await self._transport.exchange(Request("PUT", path, self._token, msgspec.json.encode(profile)))

    async def consent(self, user: str, purposes: Sequence[str]) -> None:
        """Write down that a person consents to purposes, beside those that they consent to already."""
        path = f"/v1/users/{quote(user, safe='')}/consents"
        held = read(await self._transport.exchange(Request("GET", path, self._token)), Consents)
        wanted = Consents(tuple(sorted({*held.purposes, *purposes})))
        await self._transport.exchange(Request("PUT", path, self._token, msgspec.json.encode(wanted)))

    async def views_answer(self, gym: str) -> None:
        """Wait until a gym's sessions can be asked for: a new service has no tables until its worker has made them.

        Raises:
            ServiceUnavailableError: They did not come within the transport's patience.
        """
        path = f"/v1/gyms/{quote(gym, safe='')}/sessions"
        await self._transport.exchange(Request("GET", path, self._token))

    async def enrol(self, user: str, device: str, kind: str) -> Credentials:
        """Register a person and pair a device of theirs, as a desk and a phone do together."""
        await self.register(user)
        code = await self.pairing_code(user)
        return await pair(self._transport, code.code, device, kind)


async def redeem(transport: Transport, code: str, device: str, kind: str) -> DeviceTokens:
    """Redeem a pairing code for a device's tokens.

    Raises:
        RefusedError: The code is unknown, used or expired: ask for another one.
        ServiceUnavailableError: Also when the answer was lost, since the code may have been used: ask for another one.
    """
    body = msgspec.json.encode({"code": code, "device": device, "kind": kind})
    answer = await transport.exchange(Request("POST", "/v1/devices:pair", body=body, repeatable=False))
    return read(answer, DeviceTokens)


async def pair(transport: Transport, code: str, device: str, kind: str) -> Credentials:
    """Redeem a pairing code and hold the tokens.

    Raises:
        RefusedError, ServiceUnavailableError: As `redeem`.
    """
    return Credentials(transport, await redeem(transport, code, device, kind))


class PhoneClient:
    """What a paired phone asks about one session at a time."""

    def __init__(self, credentials: Credentials) -> None:
        """Take the device's tokens."""
        self._credentials = credentials

    async def start(self, session: str, start: SessionStart) -> None:
        """Start a session under an id that the phone made; the same start twice is fine."""
        await self._credentials.exchange(Request("PUT", f"/v1/sessions/{session}", body=msgspec.json.encode(start)))

    async def put_frame(self, session: str, frame: OutgoingFrame) -> FrameAnswer:
        """Send one frame.

        Raises:
            UnusableError: The frame cannot be decoded; its key stays free.
            ConflictError: Other bytes were stored under this key.
        """
        named = (("start", frame.start_ms), ("format", frame.format))
        query = urlencode({name: value for name, value in named if value is not None})
        path = f"/v1/sessions/{session}/frames/{quote(frame.device, safe='')}/{frame.sequence}"
        path += f"?{query}" if query else ""
        request = Request("PUT", path, body=frame.data, content_type="application/octet-stream")
        return read(await self._credentials.exchange(request), FrameAnswer)

    async def post_frames(
        self, session: str, frames: Sequence[OutgoingFrame], *, compress: bool = False
    ) -> BatchAnswer:
        """Send many frames in one request; each is judged by itself.

        Raises:
            UnusableError: Nothing in the batch could be used, or it is too large.
        """
        body = msgspec.msgpack.encode(frames)
        headers = {}
        if compress:
            body = gzip.compress(body, compresslevel=6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        path = f"/v1/sessions/{session}/frames"
        request = Request("POST", path, body=body, content_type="application/msgpack", headers=headers)
        return read(await self._credentials.exchange(request), BatchAnswer)

    async def received(self, session: str) -> ReceivedFrames:
        """What the service says it holds: high water, gaps and rejects by device."""
        return read(await self._credentials.exchange(Request("GET", f"/v1/sessions/{session}/frames")), ReceivedFrames)

    async def label(self, session: str, label: SetLabel) -> SetAnswer:
        """Say that a set was done."""
        request = Request("POST", f"/v1/sessions/{session}/labels", body=msgspec.json.encode(label))
        return read(await self._credentials.exchange(request), SetAnswer)

    async def correct(self, session: str, known: SetAnswer, correction: SetCorrection) -> SetAnswer:
        """Correct a set of which this version was seen.

        Raises:
            ConflictError: Somebody else corrected it meanwhile.
        """
        path = f"/v1/sessions/{session}/sets/{known.number}"
        headers = {"If-Match": f'"{known.version}"'}
        request = Request("PATCH", path, body=msgspec.json.encode(correction), headers=headers)
        return read(await self._credentials.exchange(request), SetAnswer)

    async def end(
        self, session: str, frames: Mapping[str, int], ended_at_ms: int | None = None, *, final: bool = False
    ) -> None:
        """End a session, saying how many frames each device made (numbered from 0).

        Raises:
            FramesMissingError: Not all of them have come; send what is missing, or end with `final`.
        """
        body: dict[str, object] = {"frames": dict(frames), "final": final}
        if ended_at_ms is not None:
            body["ended_at_ms"] = ended_at_ms
        await self._credentials.exchange(
            Request("POST", f"/v1/sessions/{session}:end", body=msgspec.json.encode(body)),
        )
