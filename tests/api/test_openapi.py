"""The document and the service say the same."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from kinelog.api.openapi import openapi_document
from kinelog.api.problem_catalogue import KIND_OF_CODE
from kinelog.api.route_table import ROUTES
from kinelog.registry.scope import Scope
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

from tests.registry.made_publications import blob_of, put

SESSION = "6f1d7a52-0c3e-4a8b-9f21-5b7e2f60c9d4"
MODEL = Scope("alpine", "all", ("left-wrist",))
Serve = Callable[..., None]
PAGES = ("/sign-", "/gyms/", "/sessions/", "/pages/", "/static/")
DOCUMENT = openapi_document()


def test_every_route_is_described_and_everything_described_is_served(serve: Serve) -> None:
    async def scenario(world: Any) -> None:
        served = {
            (route.method, route.resource.canonical)
            for route in world.client.app.router.routes()
            if route.resource is not None
        }
        answered = {(method, path) for method, path in served if path != "/" and not path.startswith(PAGES)}
        heads = {path for method, path in answered if method == "HEAD"}
        ours = {(method, path) for method, path in answered if method != "HEAD"}
        assert heads == {path for method, path in ours if method == "GET"}  # said of all of them in one sentence
        paths: Any = DOCUMENT["paths"]
        described = {(method.upper(), path) for path, item in paths.items() for method in item}
        assert ours == described
        answer = await world.call("GET", "/v1/openapi.json")
        assert answer.json["paths"].keys() == paths.keys()

    serve(scenario)


def test_operations_are_named_once_and_their_path_parameters_are_declared() -> None:
    operations = [route.operation for route in ROUTES]
    assert len(operations) == len(set(operations))
    for route in ROUTES:
        declared = {parameter.name for parameter in route.parameters if parameter.where == "path"}
        assert all(f"{{{name}}}" in route.path for name in declared)
        assert route.path.count("{") == len(declared), route.path


def test_every_reference_in_the_document_leads_somewhere() -> None:
    components: Any = DOCUMENT["components"]

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    found = set(references(DOCUMENT))
    assert found
    assert found <= {f"#/components/schemas/{name}" for name in components["schemas"]}


def test_every_problem_that_a_route_declares_is_in_the_catalogue() -> None:
    for route in ROUTES:
        assert set(route.problems) <= KIND_OF_CODE.keys(), route.operation


@schemathesis.serializer("application/msgpack", "application/vnd.lift.multipacket")
def _as_bytes(_context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode()


class _Background:
    """A service on a loop of its own, for a client that blocks."""

    def __init__(self, running: Callable[..., Any], folder: Path, quick: Any) -> None:
        self._running, self._folder, self._quick = running, folder, quick
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self.url = ""
        self.token = ""

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with self._running(self._folder, self._quick) as world:
            await _seeded(world)
            self.url = str(world.client.make_url("/"))
            self.token = world.tokens["owner"]
            self._ready.set()
            await self._stop.wait()

    @contextmanager
    def started(self) -> Iterator[_Background]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            assert self._ready.wait(30)
            yield self
        finally:
            assert self._stop is not None
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(30)


async def _seeded(world: Any) -> None:
    """What the examples of the document name."""
    await world.call("PUT", "/v1/gyms/city", "owner", body={"name": "City", "time_zone": "Europe/Vienna"})
    await world.started(await world.person("ada", "left-wrist"), gym="city")
    put(world.services.models, MODEL)


@pytest.fixture
def background(running_service: Callable[..., Any], tmp_path: Path, quick: Any) -> Iterator[_Background]:
    # Random positions are waited for in vain, and a request has ten seconds.
    with _Background(running_service, tmp_path, replace(quick, read_wait_s=3.0)).started() as service:
        yield service


# What a random client may find out. `getLive` never ends and is tested by itself.
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.ignored_auth,
]
SEEDED = {
    "user": "ada", "session": SESSION, "device": "left-wrist", "gym": "city", "token": "t3", "seq": 0, "number": 1,
    "cluster": MODEL.cluster, "sensors": MODEL.joined, "hex": hashlib.sha256(blob_of()).hexdigest(),
}  # fmt: skip
BOUNDED = settings(
    deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def _random_requests(operation: Any, mode: GenerationMode, examples: int, service: _Background, **fixed: Any) -> None:
    strategy = operation.as_strategy(generation_mode=mode, **fixed)

    @settings(BOUNDED, max_examples=examples)
    @given(case=strategy)
    def ask(case: Any) -> None:
        headers = {"Authorization": f"Bearer {service.token}"}
        case.call_and_validate(base_url=service.url, headers=headers, checks=CHECKS, timeout=10)

    ask()


@pytest.mark.openapi
@pytest.mark.timeout(240)
def test_random_requests_are_answered_as_the_document_says(background: _Background) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    found: list[Any] = list(schema.get_all_operations())
    operations = [result.ok() for result in found]
    # What deletes comes last, or nothing would be left to ask about.
    operations.sort(key=lambda operation: operation.method.upper() == "DELETE")
    asked = set()
    for operation in operations:
        if operation.path == "/v1/gyms/{gym}/live":
            continue
        named = {name: value for name, value in SEEDED.items() if f"{{{name}}}" in operation.path}
        if named:
            _random_requests(operation, GenerationMode.POSITIVE, 5, background, path_parameters=named)
        _random_requests(operation, GenerationMode.POSITIVE, 3, background)
        if operation.body or operation.query or operation.path_parameters:
            _random_requests(operation, GenerationMode.NEGATIVE, 3, background)
        asked.add((operation.method.upper(), operation.path))
    assert asked == {(route.method, route.path) for route in ROUTES if route.operation != "getLive"}
