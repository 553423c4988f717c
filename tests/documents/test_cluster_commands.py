"""Commands of the documents that need a cluster: run against one, or, where they take long, held to their options."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.cassandra_session.address import CassandraAddress

from tests.cassandra.cql import CqlSession
from tests.cassandra.shared_node import SharedNode
from tests.documents.documents import BENCHMARKS, MOVING, ROOT, block_behind, blocks_behind
from tests.documents.substitutions import PROGRAMS
from tests.system.running_service import environment, kinelog

WRITTEN = "cassandra://127.0.0.1:9042/kinelog"


@pytest.fixture
def prefix(cassandra_node: SharedNode, cassandra_session: CqlSession) -> Iterator[str]:
    """A name that no other deployment has; its keyspaces are dropped afterwards."""
    del cassandra_node
    name = f"readme_{secrets.token_hex(4)}"
    yield name
    cassandra_session.drop_keyspaces(name)


@pytest.mark.cassandra
@pytest.mark.timeout(300)
def test_the_readme_moves_a_data_folder_into_a_cluster_and_serves_it(
    cassandra_node: SharedNode, prefix: str, tmp_path: Path
) -> None:
    data = tmp_path / ".data"
    made = kinelog("tenant", "create", "iron-works", "--data", str(data))
    assert made.returncode == 0, made.stderr
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("kinelog", "stopped_at"):
        (programs / name).write_text(f"#!/bin/bash\n{PROGRAMS[name]}\n")
        (programs / name).chmod(0o755)
    address = CassandraAddress((cassandra_node.address.host,), cassandra_node.address.port, prefix)
    place = str(address).partition("?")[0]
    script = block_behind(ROOT / "README.md", MOVING).replace(WRITTEN, place)
    script = re.sub(r"^(kinelog serve .*)$", r"stopped_at 'listening on' \1 --port 0", script, flags=re.MULTILINE)
    variables = environment() | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def test_benchmarks_on_a_cluster_have_the_options_that_are_written() -> None:
    for line in "".join(blocks_behind(ROOT / "docs" / "benchmarks.md", BENCHMARKS)).splitlines():
        words = shlex.split(line)
        assert words[:2] == ["python", "-m"]
        done = subprocess.run(
            [sys.executable, *words[1:], "--help"],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
