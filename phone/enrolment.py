"""A person at the desk and their phone: registered, a code handed over, the code redeemed."""

from __future__ import annotations

from kinelog.phone.client import OperatorClient
from kinelog.phone.credentials import Credentials
from kinelog.phone.problems import NotFoundError, ServiceUnavailableError

CODES_TRIED = 20


async def enrol(desk: OperatorClient, user: str, device: str, kind: str) -> Credentials:
    """Register a person and pair a device of theirs; a lost answer to the pairing costs another code.

    A code works once, so when the answer to its redemption is lost nobody knows whether it was used: the only safe way
    on is a new code.

    Raises:
        RefusedError, ServiceUnavailableError: As the desk's calls.
    """
    for _ in range(CODES_TRIED - 1):
        try:
            return await desk.enrol(user, device, kind)
        except (NotFoundError, ServiceUnavailableError):
            await desk.register(user)  # waits, within its patience, until the service answers again
    return await desk.enrol(user, device, kind)
