"""What alerts and the dashboard ask for is there to be asked: the running service shows it."""

from __future__ import annotations

import re
from collections.abc import Callable

import kinelog.actors.membership.metrics
import kinelog.journal.metrics
import kinelog.projections.metrics
import kinelog.routing.metrics  # noqa: F401 - registered by being there, as in a service of a group

from tests.api.conftest import World
from tests.deploy.prometheus import OF_PROMETHEUS, expressions, selectors


def shown_by(text: str) -> set[str]:
    """Series in what `/metrics` answers, those included that have no value yet."""
    typed = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    parts = {
        name + part for name, kind in typed.items() if kind == "histogram" for part in ("_bucket", "_count", "_sum")
    }
    return typed.keys() | parts


def test_what_is_asked_for_is_shown_by_the_service(serve: Callable[..., None]) -> None:
    async def scenario(world: World) -> None:
        shown = shown_by((await world.call("GET", "/metrics")).body.decode())
        asked = {one.name for text in expressions().values() for one in selectors(text)} - OF_PROMETHEUS
        assert asked - shown == set()

    serve(scenario)
