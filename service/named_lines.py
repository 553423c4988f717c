"""Log lines for people, of several processes that write into one stream: each line begins with whose it is."""

from __future__ import annotations

import logging

from typing_extensions import override


class NamedLines(logging.Formatter):
    """Another formatter's lines behind a name."""

    def __init__(self, name: str, lines: logging.Formatter) -> None:
        """Write what `lines` writes, after `name`."""
        super().__init__()
        self._name = name
        self._lines = lines

    @override
    def format(self, record: logging.LogRecord) -> str:
        return f"{self._name} {self._lines.format(record)}"


def name_lines(name: str, log: logging.Logger | None = None) -> None:
    """Have this process's log say whose it is; to be called once, when its handlers are there."""
    for handler in (log or logging.getLogger()).handlers:
        handler.setFormatter(NamedLines(name, handler.formatter or logging.Formatter()))
