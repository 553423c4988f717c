"""What is no HTTP at all is answered as a problem, and leaves nothing of itself in the log."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from aiohttp import web
from kinelog.api.malformed_requests import ProblemRunner
from kinelog.api.settings import ApiSettings


async def _answer_to(sent: bytes) -> tuple[str, str, dict[str, object]]:
    runner = ProblemRunner(web.Application(), ApiSettings(), shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(sent)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    finally:
        await runner.cleanup()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head.partition("\r\n")[0], head.lower(), json.loads(body)


@pytest.mark.parametrize(
    "sent",
    [
        b"PUT /x HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nAuthorization: Bearer kl.secret" + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"FOO kl.secret\r\n\r\n",
    ],
    ids=["negative length", "two lengths", "long header", "long address", "no method"],
)
async def test_what_is_no_http_is_a_problem_and_stays_out_of_the_log(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    status, head, problem = await _answer_to(sent)
    assert " 400 " in status
    assert "application/problem+json" in head
    assert problem["type"] == "/problems/bad-request"
    assert problem["request_id"]
    assert "kl.secret" not in json.dumps(problem) + caplog.text
