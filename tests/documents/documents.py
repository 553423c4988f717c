"""The project's documents, taken apart: blocks of commands, commands in the text, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
_FENCED = re.compile(
    r"(?:^<!-- (?P<mark>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_SPAN = re.compile(r"`(?P<text>[^`]+)`")
MOVING = "with a cluster"
BENCHMARKS = "with servers of their own"
GROUP = "with a group"
RUN_ON_A_CLUSTER = {MOVING, BENCHMARKS, GROUP}
"""Marks of blocks whose commands have tests of their own, since they need a cluster, or nodes."""

COMMAND = re.compile(r"^\s*(\$ )?(kinelog|curl|make|python3? -m|pytest|pip|docker) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins, what it is said to be, what it holds, and the comment before it."""

    line: int
    language: str
    text: str
    mark: str


def blocks(document: Path) -> list[Block]:
    """All fenced blocks, in order."""
    text = document.read_text()
    return [
        Block(text.count("\n", 0, found.start()) + 1, found["language"], found["text"], found["mark"] or "")
        for found in _FENCED.finditer(text)
    ]


def block_behind(document: Path, mark: str) -> str:
    """What the one block holds that a comment with this mark stands before."""
    (found,) = blocks_behind(document, mark)
    return found


def blocks_behind(document: Path, mark: str) -> list[str]:
    """What the blocks hold that a comment with this mark stands before."""
    return [block.text for block in blocks(document) if block.mark == mark]


def prose(document: Path) -> str:
    """What is not in a fenced block."""
    return _FENCED.sub("", document.read_text())


def spans(document: Path) -> list[str]:
    """What stands between single backticks in the text, on one line."""
    return [" ".join(found["text"].split()) for found in _SPAN.finditer(prose(document))]


def links(document: Path) -> list[str]:
    """Targets of links to other files, without the place in them."""
    targets = (found["target"].partition("#")[0] for found in _LINK.finditer(prose(document)))
    return [target for target in targets if target and "://" not in target]
