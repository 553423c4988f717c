"""Log lines: for people, or as one JSON object each, with what is known about the request and the shard at hand.

Members of an object: `time` (UTC, RFC 3339), `level`, `logger`, `message`, `node`; where known `request`, `tenant`,
`trace`, `shard`, `epoch`, and on access lines `route`, `method`, `status`, `ms`; `exception` where there is one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec
from kinelog.observability.exceptions import logged_exception
from kinelog.observability.redaction import redacted
from kinelog.observability.request_context import CURRENT
from typing_extensions import override

LogFormat = Literal["text", "json"]
LOG_FORMATS: tuple[str, ...] = get_args(LogFormat)

FIELDS = ("request", "tenant", "trace", "shard", "epoch", "method", "route", "status", "ms")
"""What a call of a logger may say beside its message, by `extra`; anything else there is left out."""

_ENCODER = msgspec.json.Encoder()


def of_shard(shard: int, epoch: int = 0) -> Mapping[str, int]:
    """The `extra` of a line about a shard; an epoch of 0 is none."""
    return {"shard": shard, "epoch": epoch} if epoch else {"shard": shard}


class TextLines(logging.Formatter):
    """Lines for people; as everywhere, without tokens."""

    def __init__(self) -> None:
        """Time, level, logger, message, and the stack of an exception."""
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, node: str) -> None:
        """Name the process in every line."""
        super().__init__()
        self._node = node

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _plain(record.getMessage()),
            "node": self._node,
        }
        current = CURRENT.get()
        if current is not None:
            told = {"request": current.request, "tenant": current.tenant, "trace": current.trace}
            line |= {name: value for name, value in told.items() if value}
        line |= {name: _plain(value) for name in FIELDS if (value := record.__dict__.get(name)) is not None}
        if record.exc_info is not None and record.exc_info[1] is not None:
            line["exception"] = logged_exception(record.exc_info[1])
        return redacted(_ENCODER.encode(line).decode())


def _plain(value: object) -> object:
    """A value that JSON can hold: text from outside may have halves of characters in it."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def lines_of(log_format: LogFormat, node: str) -> logging.Formatter:
    """What writes lines in a format."""
    return JsonLines(node) if log_format == "json" else TextLines()
