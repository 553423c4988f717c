"""One request with what it takes to answer it: who asks, its parameters, its body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web
from kinelog.actors.answers import Accepted
from kinelog.api import committed, json_body
from kinelog.api.context import Context
from kinelog.api.parameters import MAX_UNIX_MS
from kinelog.api.positions import BadPositionError, positions_of
from kinelog.api.principal import Principal
from kinelog.api.problems import ProblemError, invalid_parameter
from kinelog.domain.commands import Command
from kinelog.domain.identifiers import Person

T = TypeVar("T")

_DECIMAL = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose bearer may make it.

    Attributes:
        now_ms: When it came in; the `at_ms` of its commands.
    """

    request: web.Request
    context: Context
    principal: Principal
    now_ms: int

    def part(self, name: str) -> str:
        """A path parameter as it is in the path, percent-decoded."""
        return self.request.match_info[name]

    def query(self, name: str) -> str | None:
        """A query parameter, or None."""
        return self.request.query.get(name)

    def query_number(self, name: str, most: int = MAX_UNIX_MS, least: int = 0) -> int | None:
        """A query parameter that is a whole number.

        Raises:
            ProblemError: `invalid-parameter`.
        """
        text = self.query(name)
        if text is None:
            return None
        if _DECIMAL.fullmatch(text) is None or not least <= int(text) <= most:
            raise invalid_parameter(name, f"A whole number from {least} to {most}.")
        return int(text)

    async def body(self, shape: type[T]) -> T:
        """The JSON body.

        Raises:
            ProblemError: It is not of this shape, or not within the limits.
        """
        return await json_body.read_json(self.request, shape, self.context.services.settings)

    async def body_or_empty(self, shape: type[T]) -> T:
        """The JSON body; an empty body is an empty object.

        Raises:
            ProblemError: As `body`.
        """
        if not self.request.can_read_body and not self.request.content_length:
            return json_body.decode_json(b"{}", shape)
        return await json_body.read_json(self.request, shape, self.context.services.settings, empty=b"{}")

    async def ask(self, person: Person, command: Command) -> Accepted:
        """Have a command decided and committed.

        Raises:
            ProblemError: It was refused, or cannot be decided now.
        """
        return await committed.ask(
            self.context.services.region, person, command, self.context.services.settings.answer_s
        )

    async def await_position(self) -> None:
        """Wait for the position that `min_position` names; without one, for there to be views at all.

        Raises:
            ProblemError: `bad-position`, `view-behind`.
        """
        token = self.query("min_position")
        if not token:
            await self.context.views.exist()
            return
        try:
            wanted = positions_of(token)
        except BadPositionError as error:
            raise ProblemError("bad-position") from error
        if any(shard >= self.context.services.journal.shards for shard in wanted):
            raise ProblemError("bad-position")
        await self.context.views.wait_for(wanted)
