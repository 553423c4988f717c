"""Who is asking: bearer tokens against the tenant's own record of them.

A token is verified once against its hash and then remembered together with the reading of the tenant's state that it
was verified against. That reading is trusted for a few seconds (another process may revoke a token), and dropped at
once after every command of this process that changes tokens. What a reading does not know (a token, a code, a gym) is
looked for in a newer one before anybody is told that it is not there: another process may have made it just now.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from kinelog.actors.asking import Asks
from kinelog.api.committed import ask
from kinelog.api.principal import Principal
from kinelog.api.problems import ProblemError
from kinelog.api.secrets_made import TOKEN_PREFIX, hash_of, tenant_and_id
from kinelog.api.services import Services
from kinelog.domain.commands import ReadTenant
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.states import TenantState
from kinelog.domain.values import Role

SCHEME = "Bearer "
MAX_REMEMBERED = 100_000
MAX_TENANTS = 4_096
READ_AGAIN_S = 0.1
"""Between two readings of a tenant that are asked for because something is not in the first."""

T = TypeVar("T")


@dataclass(slots=True)
class _Reading:
    """A tenant's state and until when it is trusted; setting that to 0 distrusts everything verified against it.

    Attributes:
        asked_at_s: The event loop's time before the state was asked for: it is at least this new.
    """

    state: TenantState
    trusted_until_ms: int
    asked_at_s: float


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was verified against a reading."""

    principal: Principal
    reading: _Reading
    expires_at_ms: int


@dataclass(slots=True)
class Authentication:
    """Verifies tokens and remembers them."""

    region: Asks
    services: Services
    _verified: dict[str, _Verified] = field(default_factory=dict)
    _readings: dict[str, _Reading] = field(default_factory=dict)
    _loading: dict[str, asyncio.Task[_Reading]] = field(default_factory=dict)

    def remembered(self, header: str, now_ms: int) -> Principal | None:
        """The bearer of an `Authorization` header that was verified a moment ago: the hot path."""
        verified = self._verified.get(header)
        if verified is None or now_ms >= verified.reading.trusted_until_ms or now_ms >= verified.expires_at_ms:
            return None
        return verified.principal

    async def principal_of(self, header: str | None, now_ms: int) -> Principal:
        """The bearer of an `Authorization` header.

        Raises:
            ProblemError: `unauthenticated`, or the tenant's state cannot be read now.
        """
        if header is None or header[: len(SCHEME)].lower() != SCHEME.lower():
            raise ProblemError("unauthenticated", "Send Authorization: Bearer with a token.")
        principal = self.remembered(header, now_ms)
        if principal is not None:
            return principal
        token = header[len(SCHEME) :].strip()
        named = tenant_and_id(token, TOKEN_PREFIX)
        if named is None:
            raise _refused()
        tenant, token_id = named
        reading, known = await self._looked_up(tenant, lambda state: state.tokens.get(token_id))
        # Hashed and compared whether or not the token is known, so that the time taken does not tell.
        fits = hmac.compare_digest(hash_of(token), known.token_hash if known is not None else "0" * 64)
        if known is None or not fits or not known.valid_at(now_ms):
            raise _refused()
        by = known.person if known.role is Role.DEVICE and known.person is not None else f"operator:{token_id}"
        principal = Principal(tenant, known.role, token_id, known.person, known.device, by)
        expires = known.expires_at_ms if known.expires_at_ms is not None else (1 << 62)
        if len(self._verified) >= MAX_REMEMBERED:
            self._verified.clear()
        self._verified[header] = _Verified(principal, reading, expires)
        return principal

    async def tenant(self, tenant: str) -> TenantState:
        """A tenant's state, at most a few seconds old."""
        return (await self._reading(tenant, self.services.clock_ms())).state

    async def look_up(self, tenant: str, find: Callable[[TenantState], T | None]) -> T | None:
        """What `find` finds in a tenant's state, which is newer than the question where it finds nothing."""
        return (await self._looked_up(tenant, find))[1]

    async def _looked_up(self, tenant: str, find: Callable[[TenantState], T | None]) -> tuple[_Reading, T | None]:
        reading = await self._reading(tenant, self.services.clock_ms())
        found = find(reading.state)
        if found is None:
            reading = await self._newer(tenant, reading)
            found = find(reading.state)
        return reading, found

    async def _newer(self, tenant: str, old: _Reading) -> _Reading:
        """A reading that began after this call."""
        # The wait is what somebody who makes tokens up can have of the tenant's shard: so many readings a second.
        await asyncio.sleep(max(0.0, old.asked_at_s + READ_AGAIN_S - asyncio.get_running_loop().time()))
        if self._readings.get(tenant) is old:
            del self._readings[tenant]  # what was verified against it stays verified
        return await self._reading(tenant, self.services.clock_ms())

    def distrust(self, tenant: str) -> None:
        """Forget what is known of a tenant: a command of this process has changed it."""
        reading = self._readings.pop(tenant, None)
        if reading is not None:
            reading.trusted_until_ms = 0
        # A reading under way may have been taken before that command: whoever asks from here on starts another.
        self._loading.pop(tenant, None)

    async def _reading(self, tenant: str, now_ms: int) -> _Reading:
        reading = self._readings.get(tenant)
        if reading is not None and now_ms < reading.trusted_until_ms:
            return reading
        task = self._loading.get(tenant)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load_once(tenant))
            self._loading[tenant] = task
        # Shielded: one impatient client must not spoil the reading for all others that wait for it.
        return await asyncio.shield(task)

    async def _load_once(self, tenant: str) -> _Reading:
        try:
            reading = await self._load(tenant)
            if self._loading.get(tenant) is asyncio.current_task():
                self._keep(tenant, reading)
            else:  # distrusted while it was under way: good for those who asked before, and never again
                reading.trusted_until_ms = 0
            return reading
        finally:
            if self._loading.get(tenant) is asyncio.current_task():
                del self._loading[tenant]

    def _keep(self, tenant: str, reading: _Reading) -> None:
        if len(self._readings) >= MAX_TENANTS:
            self._readings.clear()
        self._readings[tenant] = reading

    async def _load(self, tenant: str) -> _Reading:
        now_ms = self.services.clock_ms()
        asked_at_s = asyncio.get_running_loop().time()
        try:
            command = ReadTenant(at_ms=now_ms)
            within_s = self.services.settings.answer_s
            accepted = await ask(self.region, Person(tenant, TENANT_PERSON), command, within_s)
            state = accepted.reply
        except ProblemError as problem:
            if problem.kind.code != "user-erased":
                raise
            state = TenantState()  # no key was ever made for a tenant of this name: it knows no token
        if not isinstance(state, TenantState):
            raise TypeError("ReadTenant answered something else")
        return _Reading(state, now_ms + int(self.services.settings.tenant_ttl_s * 1000), asked_at_s)


def _refused() -> ProblemError:
    # One answer for unknown, expired, revoked and malformed tokens: which it was is nobody's business.
    return ProblemError("unauthenticated", "The token is not valid.")
