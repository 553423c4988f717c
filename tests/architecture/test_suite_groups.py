"""The groups of the suite name folders and marks; together they run every test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

GROUPS = {
    "networks": "fit",
    "simulation": "simulation",
    "power": "power",
    "openapi": "openapi",
    "system": "system",
    "browser": "browser",
    "cassandra-one": "cassandra",
    "nodes": "nodes",
    "cassandra-three": "cassandra_cluster",
    "chaos-short": "chaos",
}
"""Name in the Makefile → the mark of its tests. What has none of these marks is in `unit`, which names no folder."""


def commands() -> dict[str, str]:
    """Each group's command line."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    return dict(re.findall(r"^([\w-]+): \$\(VENV\)/\.dev\n\t\$\(PYTEST\) (.*)$", makefile, re.MULTILINE))


def marked(mark: str) -> set[Path]:
    """Files that hold tests with a mark."""
    return {path for path in (ROOT / "tests").rglob("test_*.py") if re.search(rf"\bmark\.{mark}\b", path.read_text())}


def collected(command: str) -> set[Path]:
    """Files in the folders that a command names, without those that it leaves out."""
    words = command.split()
    ignored = [ROOT / word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")]
    named = [ROOT / word for word in words if word.startswith("tests")]
    assert named, command
    found = {path for folder in named for path in folder.rglob("test_*.py")}
    return {path for path in found if not any(path.is_relative_to(folder) for folder in ignored)}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_collects_every_test_of_its_mark(group: str) -> None:
    assert marked(GROUPS[group]) - collected(commands()[group]) == set()


def test_what_has_no_mark_is_in_the_group_that_names_no_folder() -> None:
    expression = commands()["unit"]
    assert set(re.findall(r"not (\w+)", expression)) == set(GROUPS.values())
    assert "tests/" not in expression


def test_every_group_is_part_of_the_suite() -> None:
    makefile = (ROOT / "Makefile").read_text()
    groups = re.search(r"^GROUPS := (.*)$", makefile, re.MULTILINE)
    assert groups
    assert sorted(groups[1].split()) == sorted({*GROUPS, "unit", "check"})
    assert re.search(r"^test: .*\n\t\$\(MAKE\) .*\$\(GROUPS\)$", makefile, re.MULTILINE)
