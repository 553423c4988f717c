"""Lines of the log: one JSON object each, with what is known, and without what nobody may read."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinelog.journal.errors import UnavailableError
from kinelog.observability.json_logs import JsonLines, TextLines, of_shard
from kinelog.observability.redaction import redacted
from kinelog.observability.request_context import CURRENT, RequestContext

NOTHING: dict[str, str] = {}
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # halves of characters too
TOKEN = "kl.alpine.t0." + "s3cr_t-" * 6 + "x"


def record(
    message: str, *values: object, error: BaseException | None = None, extra: Mapping[str, object] | None = None
) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("kinelog.test", logging.INFO, "file.py", 1, message, values, info)
    made.__dict__.update(extra or {})
    return made


def line(made: logging.LogRecord) -> dict[str, Any]:
    text = JsonLines("n1").format(made)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def raised(act: Callable[[], object]) -> BaseException:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - whatever the test raises
        return error
    raise AssertionError("nothing was raised")


def test_a_line_says_when_how_bad_who_and_what() -> None:
    said = line(record("shard %d acquired", 3, extra=of_shard(3, 9)))
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "INFO", "logger": "kinelog.test", "message": "shard 3 acquired", "node": "n1", "shard": 3, "epoch": 9,
    }  # fmt: skip


def test_a_line_within_a_request_says_which_and_whose() -> None:
    token = CURRENT.set(RequestContext("r1", "alpine", "ab" * 16))
    try:
        said = line(record("late"))
    finally:
        CURRENT.reset(token)
    assert (said["request"], said["tenant"], said["trace"]) == ("r1", "alpine", "ab" * 16)
    assert "request" not in line(record("later"))


def test_an_exception_is_a_field_with_its_place_and_its_causes() -> None:
    def act() -> None:
        try:
            int("ada")
        except ValueError as error:
            raise UnavailableError("shard 3 does not answer") from error

    said = line(record("failed", error=raised(act)))["exception"]
    assert said["kind"] == "kinelog.journal.errors.UnavailableError"
    assert said["message"] == "shard 3 does not answer"
    assert said["at"][-1].startswith("test_json_logs.py:")
    assert said["at"][-1].endswith(" act")
    assert [cause["kind"] for cause in said["causes"]] == ["builtins.ValueError"]


@pytest.mark.parametrize(
    "act",
    [lambda: int("secret"), lambda: NOTHING["secret"], lambda: b"\xff".decode(errors="secret")],
    ids=["value", "key", "lookup"],
)
def test_what_a_foreign_error_quotes_is_not_told(act: Callable[[], object]) -> None:
    assert "secret" not in json.dumps(line(record("failed", error=raised(act)))["exception"]["kind"])
    assert "message" not in line(record("failed", error=raised(act)))["exception"]


@pytest.mark.parametrize("lines", [JsonLines("n1"), TextLines()], ids=["json", "text"])
@pytest.mark.parametrize("form", ["{}", "Bearer {}", "token={};", "('{}',)", '"{}"'])
def test_a_token_that_got_into_a_line_is_taken_out(lines: logging.Formatter, form: str) -> None:
    said = lines.format(record("odd: %s", form.format(TOKEN)))
    assert "s3cr" not in said
    assert "odd" in said


@given(ANY_TEXT, ANY_TEXT)
def test_any_message_is_one_line_that_parses_whatever_is_in_it(message: str, value: str) -> None:
    assert line(record("%s", message, extra={"route": value}))["message"] == message.encode(errors="replace").decode()


def test_what_is_no_secret_stays() -> None:
    text = "the bearer of a letter; kl is short; PUT /v1/sessions/{session} 201"
    assert redacted(text) == text
