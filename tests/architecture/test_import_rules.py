"""The architecture's import rules, held over every module of the namespace."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "codecs": set(),
    "device": set(),
    "domain": {"codecs"},
    "cassandra_session": set(),
    "observability": set(),
    "embedded_files": set(),
    "privacy": {"cassandra_session", "embedded_files"},
    "journal": {"cassandra_session", "domain", "embedded_files", "privacy"},
    "actors": {"domain", "journal", "observability", "privacy"},
    "projections": {"cassandra_session", "codecs", "domain", "embedded_files", "journal", "observability", "privacy"},
    "registry": {"cassandra_session", "device", "embedded_files"},
    "routing": {"actors", "domain", "observability"},
    "ml": {"codecs", "device", "domain", "phone", "projections", "registry"},
    "webhooks": {"actors", "cassandra_session", "domain", "embedded_files", "journal", "privacy", "registry"},
    "api": {
        "actors",
        "codecs",
        "device",
        "domain",
        "journal",
        "observability",
        "privacy",
        "projections",
        "registry",
        "routing",
        "webhooks",
    },
    "phone": {"codecs", "device", "registry"},
    "service": {
        "actors",
        "api",
        "cassandra_session",
        "codecs",
        "device",
        "domain",
        "embedded_files",
        "journal",
        "ml",
        "observability",
        "phone",
        "privacy",
        "projections",
        "registry",
        "routing",
        "webhooks",
    },
}
"""Data flows one way: a folder may import what stands here, and itself."""

ONLY_IN: dict[str, set[str]] = {
    "cassandra": {"cassandra_session"},
    "pykka": {"actors"},
    "kazoo": {"actors"},
    "opentelemetry": {"observability"},
    "aiohttp": {"api", "phone", "service", "webhooks"},
    "sqlite3": {"embedded_files", "journal", "privacy", "projections", "registry", "service", "webhooks"},
    "cryptography": {"privacy", "api", "registry"},
    "jinja2": {"api", "ml"},
    "bitstring": {"codecs"},
    "tensorflow": {"ml"},
    "keras": {"ml"},
    "sklearn": {"ml"},
    "pyarrow": {"ml"},
    "distributed": {"ml"},
    "dask": {"ml"},
    "matplotlib": {"ml"},
}
"""Libraries that belong to one part; those that train to none that serves."""

TRAINING = {"tensorflow", "keras", "sklearn", "pyarrow", "distributed", "dask", "matplotlib", "pandas"}

SERVES = [part for part in MAY_IMPORT if part != "ml"]

IMPURE = {"asyncio", "os", "random", "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading"}
PURE_PARTS = {"domain"}
IMPURE_CLOCKS = {"time", "datetime.now", "datetime.utcnow"}


def modules_of(part: str) -> list[Path]:
    return sorted((ROOT / part).rglob("*.py"))


def imported_names(path: Path) -> list[tuple[int, str]]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports between folders are absolute"
            assert node.module is not None
            names.append((node.lineno, node.module))
            names += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return names


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_stands_to_its_left(part: str) -> None:
    offences = []
    for path in modules_of(part):
        for line, name in imported_names(path):
            if name.startswith("kinelog.") and name.split(".")[1] not in MAY_IMPORT[part] | {part}:
                offences.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert offences == []


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_library_is_imported_only_by_the_part_it_belongs_to(part: str) -> None:
    offences = []
    for path in modules_of(part):
        for line, name in imported_names(path):
            library = name.split(".")[0]
            if library in ONLY_IN and part not in ONLY_IN[library]:
                offences.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert offences == []


@pytest.mark.parametrize("part", sorted(PURE_PARTS))
def test_the_pure_parts_know_no_clock_no_chance_and_no_machine(part: str) -> None:
    offences = []
    for path in modules_of(part):
        for line, name in imported_names(path):
            if name.split(".")[0] in IMPURE | IMPURE_CLOCKS:
                offences.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert offences == []


def test_every_part_is_installed_and_typed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    packages = config["options"]["packages"].split()
    for part in MAY_IMPORT:
        assert f"kinelog.{part}" in packages
        assert (ROOT / part / "py.typed").exists()
        for folder in {path.parent for path in modules_of(part)}:
            name = "kinelog." + ".".join(folder.relative_to(ROOT).parts)
            assert name in packages, f"setup.cfg does not install {name}"
            assert (folder / "__init__.py").exists()


def test_every_package_says_what_lives_there() -> None:
    for part in MAY_IMPORT:
        for init in (ROOT / part).rglob("__init__.py"):
            assert ast.get_docstring(ast.parse(init.read_text())), f"{init} does not say what lives there"


def test_serving_never_imports_tensorflow() -> None:
    program = (
        "import sys, pkgutil, importlib, kinelog\n"
        "for part in sys.argv[2:]:\n"
        "    package = importlib.import_module('kinelog.' + part)\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not module.name.endswith(('__main__', 'driver_connection', 'driver_errors')):\n"
        "            importlib.import_module(module.name)\n"
        "loaded = set(sys.argv[1].split(',')) & set(sys.modules)\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
    )
    forbidden = ",".join({*TRAINING, "cassandra"})
    done = subprocess.run(
        [sys.executable, "-c", program, forbidden, *SERVES],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_checker_sees_a_forbidden_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def late() -> None:\n    from kinelog.api import application\n")
    assert (2, "kinelog.api") in imported_names(module)


def test_one_place_switches_files_to_write_ahead() -> None:
    """Whoever does it with a bare pragma is told that the file is locked, now and then, when two processes start."""
    switches = re.compile(r"journal_mode\s*=\s*wal", re.IGNORECASE)
    found = {path for part in MAY_IMPORT for path in modules_of(part) if switches.search(path.read_text())}
    assert found == {ROOT / "embedded_files" / "write_ahead.py"}
