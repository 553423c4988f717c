"""What the tests of the codecs share: the golden frames."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kinelog.codecs.format_names import FORMAT_OF_NAME
from kinelog.codecs.values import Format

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


@dataclass(frozen=True)
class Golden:
    """A golden frame and what it means."""

    name: str
    data: bytes
    format: Format
    meaning: dict[str, Any]


def _read(path: Path) -> Golden:
    meaning = json.loads(path.read_text())
    return Golden(path.stem, path.with_suffix(".bin").read_bytes(), FORMAT_OF_NAME[meaning["format"]], meaning)


def _read_all() -> list[Golden]:
    return [_read(path) for path in sorted(VECTORS.glob("*.json"))]


@pytest.fixture(scope="session")
def golden_frames() -> dict[str, Golden]:
    """Every golden frame by its name."""
    return {frame.name: frame for frame in _read_all()}


def pytest_generate_tests(metafunc: Any) -> None:
    """Give every test that asks for `good_golden`, `envelope_golden` or `bad_golden` one run a frame."""
    everything = _read_all()
    chosen = {
        "good_golden": [frame for frame in everything if _decodes(frame)],
        "envelope_golden": [frame for frame in everything if frame.name.startswith("mp_scala_")],
        "bad_golden": [frame for frame in everything if frame.meaning["expect"] == "error"],
    }
    for fixture, frames in chosen.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, frames, ids=[frame.name for frame in frames])


def _decodes(frame: Golden) -> bool:
    return frame.meaning["expect"] == "ok" and not frame.name.startswith("mp_scala_")
