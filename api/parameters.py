"""Parameters of paths and queries: their names, what they may be, and how the OpenAPI document shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from kinelog.api.problems import invalid_parameter
from kinelog.codecs.format_names import FORMAT_OF_NAME
from kinelog.codecs.values import Format
from kinelog.domain.identifiers import DEVICE_PATTERN, GYM_PATTERN, SESSION_PATTERN

MAX_UNIX_MS = 253_402_300_799_999
MAX_SEQUENCE = 0xFFFF_FFFF
MAX_SET_NUMBER = 1_000_000
USER_PATTERN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+~-]{0,126}[A-Za-z0-9])?")
TOKEN_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
DAY_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HOUR_PATTERN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}")

_FORMATS = FORMAT_OF_NAME
_SEQUENCE = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        where: In the path, the query or a header.
        schema: Its JSON Schema.
        example: A value that is valid.
    """

    name: str
    where: Literal["path", "query", "header"]
    description: str
    schema: dict[str, object]
    required: bool = False
    example: str | int | None = None


def _path(name: str, description: str, pattern: re.Pattern[str], example: str) -> Parameter:
    schema: dict[str, object] = {"type": "string", "pattern": f"^{pattern.pattern}$"}
    return Parameter(name, "path", description, schema, required=True, example=example)


def _unix_ms(name: str, description: str) -> Parameter:
    return Parameter(name, "query", description, {"type": "integer", "minimum": 0, "maximum": MAX_UNIX_MS})


_SESSION_EXAMPLE = "6f1d7a52-0c3e-4a8b-9f21-5b7e2f60c9d4"
_ANY_CASE_SESSION = re.compile(SESSION_PATTERN.pattern.replace("a-f", "a-fA-F"))

SESSION = _path("session", "Id of the session, a UUID that the phone made.", _ANY_CASE_SESSION, _SESSION_EXAMPLE)
USER = _path("user", "The tenant's own name of the person.", USER_PATTERN, "ada")
DEVICE = _path("device", "Name of the device.", DEVICE_PATTERN, "left-wrist")
GYM = _path("gym", "Id of the gym.", GYM_PATTERN, "city")
TOKEN_ID = _path("token", "Public name of the token.", TOKEN_ID_PATTERN, "3f8a1c2b4d5e6f70")
SEQUENCE = Parameter(
    "seq", "path", "The phone's number of the frame; with session and device it names the frame.",
    {"type": "integer", "minimum": 0, "maximum": MAX_SEQUENCE}, required=True, example=0,
)  # fmt: skip
SET_NUMBER = Parameter(
    "number", "path", "Number of the set, from 1.", {"type": "integer", "minimum": 1, "maximum": MAX_SET_NUMBER},
    required=True, example=1,
)  # fmt: skip

FORMAT = Parameter(
    "format", "query", "Name of the layout of the bytes; without it the layout is found from the bytes.",
    {"type": "string", "enum": sorted(_FORMATS)},
)  # fmt: skip
START = _unix_ms("start", "Start of the frame, Unix ms: required with layouts that carry no clock.")
DEVICE_QUERY = Parameter(
    "device", "query", "Name of the device (with a MultiPacket body).",
    {"type": "string", "pattern": f"^{DEVICE_PATTERN.pattern}$"},
)  # fmt: skip
SEQUENCE_QUERY = Parameter(
    "seq", "query", "Number of the frame (with a MultiPacket body).",
    {"type": "integer", "minimum": 0, "maximum": MAX_SEQUENCE},
)  # fmt: skip
FROM = _unix_ms("from", "Only what starts at or after this, Unix ms.")
TO = _unix_ms("to", "Only what starts before this, Unix ms.")
CURSOR = Parameter("cursor", "query", "Where the page before ended.", {"type": "string", "maxLength": 512})
MIN_POSITION = Parameter(
    "min_position", "query", "A position that a write answered: wait, for a bounded time, until it can be seen.",
    {"type": "string", "maxLength": 2048},
)  # fmt: skip
FROM_HOUR = Parameter(
    "from", "query", "First local hour, as 2026-03-01T09.", {"type": "string", "pattern": f"^{HOUR_PATTERN.pattern}$"}
)
TO_HOUR = Parameter(
    "to", "query", "The local hour after the last.", {"type": "string", "pattern": f"^{HOUR_PATTERN.pattern}$"}
)
FROM_DAY = Parameter(
    "from", "query", "First local day, as 2026-03-01.", {"type": "string", "pattern": f"^{DAY_PATTERN.pattern}$"}
)
TO_DAY = Parameter(
    "to", "query", "The local day after the last.", {"type": "string", "pattern": f"^{DAY_PATTERN.pattern}$"}
)
IF_MATCH = Parameter(
    "If-Match", "header", 'ETag of the set as you saw it, `"1"`, or a list of ETags; `*` for whichever it has.',
    {"type": "string", "pattern": r'^(\*|"[0-9]{1,9}"(, ?"[0-9]{1,9}")*)$', "maxLength": 1024}, required=True,
    example='"1"',
)  # fmt: skip
IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", "The ETag of what the caller has: 304 if that is still it.",
    {"type": "string", "maxLength": 1024},
)  # fmt: skip
LAST_EVENT_ID = Parameter(
    "Last-Event-ID", "header", "Id of the last event that was received: go on behind it.",
    {"type": "string", "maxLength": 2048},
)  # fmt: skip


def limit_parameter(most: int, usual: int) -> Parameter:
    """How many rows a page has."""
    return Parameter(
        "limit", "query", f"Rows of a page; {usual} when absent.", {"type": "integer", "minimum": 1, "maximum": most}
    )


# ── reading them ─────────────────────────────────────────────────────────────────────────────────────────────────


def session_id(text: str) -> str:
    """A session id, in lower case: phones write UUIDs in either.

    Raises:
        ProblemError: `invalid-parameter`.
    """
    lowered = text.lower()
    if SESSION_PATTERN.fullmatch(lowered) is None:
        raise invalid_parameter("session", "A session's id is a UUID.")
    return lowered


def matching(name: str, text: str, pattern: re.Pattern[str]) -> str:
    """A parameter that must match a pattern whole.

    Raises:
        ProblemError: `invalid-parameter`.
    """
    if len(text) > 128 or pattern.fullmatch(text) is None:
        raise invalid_parameter(name, f"Must match {pattern.pattern}")
    return text


def sequence_number(text: str, name: str = "seq") -> int:
    """A frame's number.

    Raises:
        ProblemError: `invalid-parameter`.
    """
    if _SEQUENCE.fullmatch(text) is None or (number := int(text)) > MAX_SEQUENCE:
        raise invalid_parameter(name, f"A whole number from 0 to {MAX_SEQUENCE}.")
    return number


def format_named(text: str | None) -> Format | None:
    """The layout that the caller names, if any.

    Raises:
        ProblemError: `invalid-parameter`.
    """
    if text is None:
        return None
    known = _FORMATS.get(text)
    if known is None:
        raise invalid_parameter("format", f"One of {', '.join(sorted(_FORMATS))}.")
    return known
