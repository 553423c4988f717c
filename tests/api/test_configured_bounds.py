"""What a deployment says about connections is what its server keeps."""

from __future__ import annotations

import logging
import resource
from pathlib import Path

import pytest
from kinelog.service.composition import api_settings
from kinelog.service.configuration import load_settings
from kinelog.service.errors import ConfigurationError
from kinelog.service.open_files import OTHERS, open_files_for

CHOSEN = {
    "KINELOG_CONNECTIONS": "100", "KINELOG_CONNECTIONS_PER_ADDRESS": "7", "KINELOG_HEADERS_S": "5",
    "KINELOG_KEEPALIVE_S": "60",
}  # fmt: skip


def test_what_is_configured_is_what_the_interface_keeps(tmp_path: Path) -> None:
    bounds = api_settings(load_settings(tmp_path, CHOSEN))
    assert (bounds.connections, bounds.connections_of_network) == (100, 7)
    assert (bounds.headers_s, bounds.keepalive_s) == (5.0, 60.0)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_bound_that_lets_nobody_in_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    setting = name.removeprefix("KINELOG_").lower()
    with pytest.raises(ConfigurationError, match=f"{setting} must be from"):
        load_settings(tmp_path, {name: "0"})


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "warned"),
    [
        (1024, resource.RLIM_INFINITY, 4096 + OTHERS, False),
        (1024, 4096 + OTHERS, 4096 + OTHERS, False),
        (1024, 2048, 2048, True),
        (65_536, 65_536, None, False),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None, False),
    ],
    ids=["no hard limit", "just enough", "too few", "enough already", "no limit at all"],
)
def test_the_process_may_open_as_many_files_as_its_connections_need(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, soft: int, hard: int, allowed: int | None,
    warned: bool,  # noqa: FBT001 - a parameter of the test
) -> None:  # fmt: skip
    caplog.set_level(logging.WARNING)
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    open_files_for(4096)
    assert limits == ([] if allowed is None else [(allowed, hard)])
    assert bool(caplog.records) is warned
