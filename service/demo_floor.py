"""The demo's visitors: one phone for the reader's own `curl`, and a floor full of simulated people."""

from __future__ import annotations

import os
import shlex
import uuid
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from kinelog.phone.client import OperatorClient, PhoneClient, SessionStart
from kinelog.phone.person import Style
from kinelog.phone.transport import Request, Transport
from kinelog.phone.watch import Watch
from kinelog.service.demo_setup import Demo
from kinelog.service.offline import now_ms

READER = "curious-reader"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the reader can do next: open the page, post a frame."""

    page: str
    curl: str


async def invite(url: str, demo: Demo, frame_file: Path) -> Invitation:
    """Make the reader known, pair their phone, start their session, and write one real frame into a file."""
    raise NotImplementedError
