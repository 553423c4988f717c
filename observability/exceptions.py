"""Exceptions in a log: what kind, where, and what they say if it is ours to know that they quote nothing.

A message of our own errors names fields and never quotes what was sent. Those of others do: `invalid literal for int()
with base 10: '…'`. So of these the kind and the place are told, which is what a defect is found by.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import PurePath

import msgspec

FRAMES = 20
CAUSES = 4

_SAY_WHAT_THE_SYSTEM_SAYS = (ConnectionError, TimeoutError, MemoryError)


class LoggedException(msgspec.Struct, frozen=True, omit_defaults=True):
    """An exception as a field of a line.

    Attributes:
        kind: Its class.
        message: What it says, of errors that quote nothing.
        at: `file:line function` of the last frames, the innermost last.
        causes: What it came of, nearest first.
    """

    kind: str
    message: str = ""
    at: tuple[str, ...] = ()
    causes: tuple[LoggedException, ...] = ()


def logged_exception(error: BaseException) -> LoggedException:
    """An exception with what it came of."""
    causes = tuple(_alone(cause) for cause in _causes(error))
    return msgspec.structs.replace(_alone(error), causes=causes)


def _alone(error: BaseException) -> LoggedException:
    cls = type(error)
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    at = tuple(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    return LoggedException(f"{cls.__module__}.{cls.__qualname__}", _message(error), at)


def _message(error: BaseException) -> str:
    if type(error).__module__.startswith("kinelog.") or isinstance(error, _SAY_WHAT_THE_SYSTEM_SAYS):
        return str(error)
    if isinstance(error, OSError):
        return error.strerror or ""  # not the file's name, which may be somebody's
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    for _ in range(CAUSES):
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            return
        yield cause
        error = cause
