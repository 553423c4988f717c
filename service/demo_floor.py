"""The demo's visitor: a person with a paired phone, an open session and one real frame, for the reader's own `curl`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import numpy as np
from kinelog.actors.region import wall_clock_ms
from kinelog.codecs.values import Format
from kinelog.phone.answers import DeviceTokens, read
from kinelog.phone.client import OperatorClient, PhoneClient, SessionStart
from kinelog.phone.credentials import Credentials
from kinelog.phone.person import draw_style
from kinelog.phone.transport import Request, Transport
from kinelog.phone.watch import SAMPLES_IN_A_FRAME, Watch
from kinelog.service.demo_setup import Demo, write_private

READER = "curious-reader"
DEVICE = "my-watch"
STANDING_STILL = (0, 0, -1000)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the reader can do next: open the page, post a frame."""

    page: str
    curl: str


async def invite(url: str, demo: Demo, folder: Path) -> Invitation:
    """Make the reader known, pair their phone, start their session, and put one real frame into a file.

    Args:
        url: Of the running service.
        demo: What was set up.
        folder: Where the frame's file goes (`demo-frame.bin`).
    """
    session = str(uuid.uuid4())
    started = wall_clock_ms()
    async with aiohttp.ClientSession() as http:
        transport = Transport(http, url)
        desk = OperatorClient(transport, demo.owner_token)
        await desk.register(READER)
        code = await desk.pairing_code(READER)
        body = msgspec.json.encode({"code": code.code, "device": DEVICE, "kind": "pebble"})
        tokens = read(await transport.exchange(Request("POST", "/v1/devices:pair", body=body)), DeviceTokens)
        await PhoneClient(Credentials(transport, tokens)).start(
            session, SessionStart(started_at_ms=started, gym=demo.gym)
        )
        # The address is printed after this: whoever is quick with the link must not find a page that cannot answer yet.
        await desk.views_answer(demo.gym)
    frame = folder / "demo-frame.bin"
    write_private(frame, still_frame(started))
    return Invitation(
        page=f"{url}/sign-in#token={demo.owner_token}",
        curl=(
            f"curl -i -X PUT --data-binary @{frame} \\\n"
            f"  -H 'Authorization: Bearer {tokens.token}' -H 'Content-Type: application/octet-stream' \\\n"
            f"  {url}/v1/sessions/{session}/frames/{DEVICE}/0"
        ),
    )


def still_frame(start_ms: int) -> bytes:
    """One second of a watch that lies still."""
    samples = np.tile(np.array(STANDING_STILL, np.int16), (SAMPLES_IN_A_FRAME, 1))
    return Watch(draw_style(np.random.default_rng(0)), Format.AE, start_ms).take(samples)[0].data
