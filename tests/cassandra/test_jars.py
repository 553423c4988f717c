"""The server's jars are fetched once, whole and unchanged, or the reader is told what is missing."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cassandra_server import jars, java, maven_jars
from cassandra_server.errors import CassandraServerError, MissingProgramError

JAVA_17 = """echo 'openjdk version "17.0.15" 2025-04-15' >&2"""
JAVA_21 = """echo 'openjdk version "21.0.1" 2023-10-17' >&2"""
MAVEN = """echo fetched >> "$CALLS"
for argument in "$@"; do
  case $argument in -DoutputDirectory=*) printf %s "$CONTENT" > "${argument#*=}/server.jar";; esac
done
exit "$RESULT"
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache and no programs but those that a test installs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    sums = tmp_path / "jars.sha256"
    sums.write_text(f"{hashlib.sha256(b'the server').hexdigest()}  server.jar\n")
    monkeypatch.setattr(jars, "SUMS", sums)
    monkeypatch.setattr(java, "DEBIAN_HOMES", tmp_path / "nothing")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("KINELOG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("CONTENT", "the server")
    monkeypatch.setenv("RESULT", "0")
    return tmp_path


def install(machine: Path, **programs: str) -> None:
    for name, text in programs.items():
        program = machine / "programs" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)


def fetches(machine: Path) -> int:
    calls = machine / "calls"
    return len(calls.read_text().splitlines()) if calls.exists() else 0


def test_without_java_it_says_what_to_install(machine: Path) -> None:
    install(machine, mvn=MAVEN)
    with pytest.raises(MissingProgramError, match="apt-get install openjdk-17-jre-headless"):
        jars.server_jars()
    assert fetches(machine) == 0


def test_another_java_is_named_and_not_taken(machine: Path) -> None:
    install(machine, java=JAVA_21)
    with pytest.raises(MissingProgramError, match=r"programs/java is Java 21.*JAVA_HOME"):
        java.find_java()


def test_java_home_goes_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine, java=JAVA_21)
    home = machine / "jdk"
    (home / "bin").mkdir(parents=True)
    (machine / "programs" / "java").rename(home / "bin" / "java")
    (home / "bin" / "java").write_text(f"#!/bin/sh\n{JAVA_17}\n")
    install(machine, java=JAVA_21)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java.find_java() == home / "bin" / "java"


def test_without_maven_it_says_what_to_install(machine: Path) -> None:
    install(machine, java=JAVA_17)
    with pytest.raises(MissingProgramError, match="apt-get install maven"):
        jars.server_jars()


def test_what_is_cached_needs_neither_maven_nor_java(machine: Path) -> None:
    install(machine, java=JAVA_17, mvn=MAVEN)
    first = jars.server_jars()
    for program in (machine / "programs").iterdir():
        program.unlink()
    assert jars.server_jars() == first
    assert (first / "server.jar").read_text() == "the server"
    assert fetches(machine) == 1


def test_many_at_once_fetch_once(machine: Path) -> None:
    install(machine, java=JAVA_17, mvn=MAVEN)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: jars.server_jars(), range(8)))) == 1
    assert fetches(machine) == 1


def test_a_changed_jar_does_not_get_into_the_cache(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine, java=JAVA_17, mvn=MAVEN)
    monkeypatch.setenv("CONTENT", "something else")
    with pytest.raises(CassandraServerError, match=r"not what jars.sha256 pins: server\.jar"):
        jars.server_jars()
    assert [path.name for path in (machine / "cache").iterdir()] == ["cassandra-5.0.6.lock"]


def test_a_failing_download_is_tried_again_and_then_explained(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine, java=JAVA_17, mvn=MAVEN)
    monkeypatch.setenv("RESULT", "1")
    with pytest.raises(CassandraServerError, match="Is Maven Central reachable"):
        jars.server_jars()
    assert fetches(machine) == maven_jars.ATTEMPTS
    assert [path.name for path in (machine / "cache").iterdir()] == ["cassandra-5.0.6.lock"]


def test_the_pinned_sums_name_the_pinned_version() -> None:
    names = [line.split()[1] for line in (jars.HERE / "jars.sha256").read_text().splitlines()]
    assert f"cassandra-all-{jars.VERSION}.jar" in names
    assert f"<version>{jars.VERSION}</version>" in jars.POM.read_text()
    assert len(names) == len(set(names))


def test_a_cache_that_cannot_be_written_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "file").write_text("")
    monkeypatch.setenv("KINELOG_CACHE", str(machine / "file" / "cache"))
    with pytest.raises(
        CassandraServerError, match=f"cannot keep the jars of Apache Cassandra 5.0.6 in {machine}{os.sep}file"
    ):
        jars.server_jars()
