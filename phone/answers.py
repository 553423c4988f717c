"""What the service answers, as far as a phone reads it. Fields that are not named here are passed over."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from kinelog.phone.problems import UnexpectedAnswerError
from kinelog.phone.transport import Answer
from typing_extensions import override

T = TypeVar("T")


class PairingCode(msgspec.Struct, frozen=True):
    """A code that a device can redeem once."""

    code: str
    expires_at_ms: int


class DeviceTokens(msgspec.Struct, frozen=True):
    """What a paired device authenticates with."""

    token: str
    refresh_token: str | None = None

    @override
    def __repr__(self) -> str:
        """Never shows the secrets."""
        return "DeviceTokens(…)"


class FrameAnswer(msgspec.Struct, frozen=True):
    """What became of one frame: `stored` or `duplicate`."""

    status: str


class RefusedFrame(msgspec.Struct, frozen=True):
    """One frame of a batch that was refused, and the stable name of the reason."""

    device: str
    seq: int
    type: str
    detail: str | None = None

    @property
    def code(self) -> str:
        """Stable name of the reason: the last segment of the type."""
        return self.type.rstrip("/").rpartition("/")[2]


class BatchAnswer(msgspec.Struct, frozen=True):
    """What became of a batch."""

    accepted: int
    duplicate: int
    rejected: list[RefusedFrame] = []
    high_water: dict[str, int] = {}


class SetAnswer(msgspec.Struct, frozen=True):
    """Number and version of a labelled or corrected set."""

    number: int
    version: int


def read(answer: Answer, shape: type[T]) -> T:
    """Decode an answer's body.

    Raises:
        UnexpectedAnswerError: It has another shape than the interface says.
    """
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnexpectedAnswerError(f"answer {answer.status} is not a {shape.__name__}: {error}") from error
