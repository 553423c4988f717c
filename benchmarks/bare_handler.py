"""The peer of the HTTP benchmark: an aiohttp handler that reads the body and answers 202, and does nothing else.

What it reaches is what Python, aiohttp and the client allow on this machine; what the service reaches of that is what
decoding, deciding, encrypting and committing leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from aiohttp import web


async def accept(request: web.Request) -> web.Response:
    """Read the whole body and answer as the service does: a status and a small JSON object."""
    await request.read()
    return web.Response(
        status=202, body=b'{"status":"stored","high_water":0,"position":"p"}', content_type="application/json"
    )


async def serve() -> None:
    """Serve on a free port of this machine until SIGTERM."""
    app = web.Application()
    app.router.add_put("/v1/sessions/{session}/frames/{device}/{seq}", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
