"""The C evaluator, built once a session: with sanitizers as a command, without as a library."""

from __future__ import annotations

import pytest

from tests.device.built import SANITIZED, SOURCES, STRICT, Command, Library, build


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    sources = [SOURCES / "kinelog_model.c", SOURCES / "kinelog_evaluate.c"]
    return Command(build(tmp_path_factory.mktemp("built") / "kinelog_evaluate", sources, (*STRICT, *SANITIZED)))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    to = tmp_path_factory.mktemp("built") / "libkinelog_model.so"
    return Library(build(to, [SOURCES / "kinelog_model.c"], (*STRICT, "-O2", "-fPIC", "-shared")))
