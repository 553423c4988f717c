"""The log of a whole service: every line one JSON object, and nothing in it that nobody may read."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.system.running_service import RunningService, prepare

pytestmark = pytest.mark.system

SECRET = "s3cretive"
SEEN = {"KINELOG_ACCESS_LOG": "true", "KINELOG_OTLP_ENDPOINT": "http://127.0.0.1:1", "KINELOG_TRACE_RATIO": "1"}


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body or None, named)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def lines_of(service: RunningService) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log.splitlines() if not line.startswith("listening on ")]


def test_a_log_for_machines_names_requests_and_holds_nothing_that_was_sent(tmp_path: Path) -> None:
    data = tmp_path / "data"
    owner = prepare(data)
    token = f"Bearer {owner}"
    with RunningService(data, ["--log-format", "json"], SEEN) as service:
        url = service.url
        assert ask(url, "PUT", f"/v1/users/{SECRET}", b"{}", Authorization=token, X_Request_Id="mine-1") == 201
        ask(url, "PUT", f"/v1/users/{SECRET}", f'{{"{SECRET}": "{SECRET}"}}'.encode(), Authorization=token)
        ask(url, "GET", f"/v1/users/{SECRET}/sessions?after={SECRET}&{SECRET}={SECRET}", Authorization=token)
        ask(url, "GET", f"/v1/users/{SECRET}", Authorization=f"Bearer kl.alpine.t0.{SECRET * 5}")
        ask(url, "GET", f"/v1/users/{SECRET}", Authorization=f"Basic {SECRET * 3}", Cookie=f"kinelog={SECRET}")
        ask(url, "GET", "/health/live", X_Request_Id=owner, traceparent=f"00-{SECRET}", tracestate=SECRET)
        ask(url, "GET", f"/{SECRET}/{quote(owner)}", Referer=SECRET, User_Agent=SECRET, Host=SECRET)
        ask(url, SECRET.upper(), "/v1/gyms", Authorization=token)
        ask(url, "POST", "/v1/devices:pair", f'{{"code": "alpine-{SECRET}", "device": "x", "kind": "y"}}'.encode())
        ask(url, "PUT", f"/v1/sessions/{SECRET}/frames/{SECRET}/1", SECRET.encode() * 40, Authorization=token)
        assert service.terminate(20) == 0  # a collector that is away keeps nobody from stopping
    lines = lines_of(service)
    for hidden in (SECRET, SECRET.upper(), owner, owner.rpartition(".")[2]):
        assert hidden not in service.log
    assert {line["node"].partition("/")[2] for line in lines} <= {"", "projections"}
    accesses = [line for line in lines if line["logger"] == "kinelog.access"]
    assert len(accesses) == 9  # of ten, one was no HTTP
    (first,) = [line for line in accesses if line["request"] == "mine-1"]
    assert (first["method"], first["route"], first["status"]) == ("PUT", "/v1/users/{user}", 201)
    assert first["tenant"]
    assert first["ms"] > 0
    assert len(first["trace"]) == 32
    acquired = [line for line in lines if line["message"].startswith("shard ") and "acquired" in line["message"]]
    assert acquired
    assert all(line["epoch"] >= 1 and line["shard"] >= 0 for line in acquired)
