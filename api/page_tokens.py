"""What a signed-in browser holds: a token of the pages' own, which signing out revokes, so that it holds on every node.

It is an ordinary token of the tenant, of the role that signed in, valid for as long as its cookie. Its id says whose it
is, so that nothing else has to be kept to find out which are over, or too many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kinelog.api.committed import ask
from kinelog.api.context import Context
from kinelog.api.page_cookie import LIFETIME_MS
from kinelog.api.page_sources import Operator
from kinelog.api.problems import ProblemError
from kinelog.api.secrets_made import TOKEN_PREFIX, hash_of, new_token, new_token_id, tenant_and_id
from kinelog.domain.commands import Command, IssueToken, RevokeToken
from kinelog.domain.identifiers import TENANT_PERSON, Person
from kinelog.domain.states import Token

PREFIX = "page-"
"""No id of another token begins so: those are drawn by the service, in hexadecimal."""

MOST_OF_ONE = 20
"""Browsers that are signed in with one operator's token at the same time; a further one ends the oldest."""

MOST_CLEARED = 40
"""Tokens that one signing-in revokes at most, because they are over or too many."""

_WHOSE_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class PageTokens:
    """Issues, judges and revokes them. Every method may raise a `ProblemError`: the tenant cannot be asked now."""

    context: Context

    async def issue(self, operator: Operator) -> str:
        """A new token for a browser, of the operator who signed in there."""
        now_ms, tenant, by = self.context.services.clock_ms(), operator.tenant, f"operator:{operator.token_id}"
        token_id = f"{_of(operator.token_id)}-{new_token_id()}"
        token = new_token(tenant, token_id)
        state = await self.context.authentication.tenant(tenant)
        for done in await self.context.blocking(to_be_cleared, state.tokens.values(), operator.token_id, now_ms):
            await self._revoke(tenant, done, by)
        await self._say(
            tenant,
            IssueToken(
                at_ms=now_ms, by=by, token_id=token_id, token_hash=hash_of(token), role=operator.role,
                note="a browser with the operator's pages", expires_at_ms=now_ms + LIFETIME_MS,
            ),
        )  # fmt: skip
        return token

    async def signed_in_with(self, operator: Operator, token_id: str) -> Operator | None:
        """Who signed in: the bearer of a page token, as long as the token that they signed in with is valid, too."""
        now_ms = self.context.services.clock_ms()
        known = await self.context.authentication.look_up(operator.tenant, lambda state: state.tokens.get(token_id))
        if known is None or not known.valid_at(now_ms) or _whose(operator.token_id) != _of(token_id):
            return None
        return Operator(operator.tenant, token_id, operator.role)

    async def revoke(self, token: str) -> None:
        """End one; nothing where it has ended."""
        named = tenant_and_id(token, TOKEN_PREFIX)
        if named is not None:
            tenant, token_id = named
            await self._revoke(tenant, token_id, f"operator:{token_id}")

    async def _revoke(self, tenant: str, token_id: str, by: str) -> None:
        try:
            await self._say(tenant, RevokeToken(at_ms=self.context.services.clock_ms(), by=by, token_id=token_id))
        except ProblemError as problem:
            if problem.kind.code != "token-unknown":  # revoked so long ago that it is not listed any more
                raise

    async def _say(self, tenant: str, command: Command) -> None:
        services = self.context.services
        try:
            await ask(services.region, Person(tenant, TENANT_PERSON), command, services.settings.answer_s)
        finally:
            self.context.authentication.distrust(tenant)


def _of(signed_in_with: str) -> str:
    """How the ids of an operator's page tokens begin; an id has 64 characters at most."""
    return f"{PREFIX}{signed_in_with[:_WHOSE_CHARACTERS]}"


def _whose(page_token_id: str) -> str:
    return page_token_id.rpartition("-")[0]


def to_be_cleared(tokens: Iterable[Token], signed_in_with: str, now_ms: int) -> list[str]:
    """Ids of page tokens that are over, whoever's, and of the oldest of one operator's where one more is too many."""
    pages = [token for token in tokens if token.revoked is None and token.token_id.startswith(PREFIX)]
    over = [token.token_id for token in pages if not token.valid_at(now_ms)]
    mine = sorted(
        (token for token in pages if token.valid_at(now_ms) and _whose(token.token_id) == _of(signed_in_with)),
        key=lambda token: token.issued_at_ms,
    )
    too_many = [token.token_id for token in mine[: max(0, len(mine) - MOST_OF_ONE + 1)]]
    return [*too_many, *over][:MOST_CLEARED]
