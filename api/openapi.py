"""The OpenAPI 3.1 document, generated from the route table and from the types that validate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
from kinelog.api.authorization import Permission
from kinelog.api.parameters import Parameter
from kinelog.api.problem_catalogue import KIND_OF_CODE
from kinelog.api.problems import CONTENT_TYPE, Problem
from kinelog.api.route import Answered, Body, Route
from kinelog.api.route_table import ROUTES

VERSION = "3.1.0"
TITLE = "Kinelog"
_BYTES: dict[str, object] = {"type": "string", "format": "binary"}
_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = (
    "Packed sensor frames in, a permanent history of training out. Every error is an `application/problem+json` "
    "document whose `type` ends with a stable code. An answer of success to a write comes only after its commit. "
    "HEAD is answered wherever GET is, with the same status and headers and no body."
)
# what may be answered to any request of the kind
_ALWAYS = ("bad-request", "invalid-parameter", "internal", "unavailable")
_WITH_TOKEN = ("unauthenticated", "forbidden", "busy")
_WITH_BODY = ("body-timeout", "body-too-large", "unsupported-media-type", "unsupported-content-encoding")
_WITH_JSON = ("invalid-json", "invalid-body")


@dataclass(frozen=True, slots=True)
class _Schemas:
    """Schemas by the name of the shape, and the components that they refer to."""

    by_shape: dict[str, dict[str, object]]
    components: dict[str, object]

    def of(self, shape: object) -> dict[str, object]:
        if isinstance(shape, tuple):
            return {"anyOf": [self.of(one) for one in shape]}
        return self.by_shape[repr(shape)]


def openapi_document() -> dict[str, object]:
    """The document of the routes that are served."""
    return document_of(ROUTES, program_version())


def program_version() -> str:
    """Which release of the program runs."""
    try:
        return version("kinelog")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"


def document_of(routes: Iterable[Route], release: str) -> dict[str, object]:
    """The document that describes these routes."""
    table = tuple(routes)
    schemas = _schemas(table)
    paths: dict[str, dict[str, object]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": VERSION,
        "info": {"title": TITLE, "version": release, "description": _DESCRIPTION, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A kl. token."}},
        },
    }


def problem_codes(route: Route) -> tuple[str, ...]:
    """All problems that a route may answer."""
    codes = [*_ALWAYS, *route.problems]
    if route.permission is not None:
        codes += _WITH_TOKEN
    if route.body is not None:
        codes += _WITH_BODY
        if route.body.shape is not None:
            codes += _WITH_JSON
    return tuple(dict.fromkeys(codes))


def _schemas(routes: tuple[Route, ...]) -> _Schemas:
    """Schemas of all shapes, and the components they name."""
    shapes: list[Any] = [Problem]
    for route in routes:
        bodies = [route.body.shape] if route.body is not None else []
        for shape in (*bodies, *(answer.shape for answer in route.answers)):
            shapes += shape if isinstance(shape, tuple) else [shape]
    distinct = list({repr(shape): shape for shape in shapes if shape is not None}.values())
    schemas, components = msgspec.json.schema_components(distinct, ref_template=_REFERENCE)
    by_shape = {repr(shape): dict(schema) for shape, schema in zip(distinct, schemas, strict=True)}
    return _Schemas(by_shape, dict(components))


def _operation(route: Route, schemas: _Schemas) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": _responses(route, schemas),
    }
    if route.permission is not None:
        operation["security"] = [{"token": []}]
        operation["description"] = f"Roles: {_roles(route.permission)}."
    else:
        operation["security"] = []
    if route.body is not None:
        operation["requestBody"] = _body(route.body, schemas)
    return operation


def _roles(permission: Permission) -> str:
    return ", ".join(sorted(permission.roles))


def _parameter(parameter: Parameter) -> dict[str, object]:
    described: dict[str, object] = {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _body(body: Body, schemas: _Schemas) -> dict[str, object]:
    schema: dict[str, object] = _BYTES if body.shape is None else schemas.of(body.shape)
    described: dict[str, object] = {
        "required": body.required,
        "content": {media: {"schema": schema} for media in body.media},
    }
    if body.description:
        described["description"] = body.description
    return described


def _responses(route: Route, schemas: _Schemas) -> dict[str, object]:
    responses: dict[str, object] = {str(answer.status): _answered(answer, schemas) for answer in route.answers}
    by_status: dict[int, list[str]] = {}
    for code in problem_codes(route):
        by_status.setdefault(KIND_OF_CODE[code].status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem(codes, schemas)
    return responses


def _answered(answer: Answered, schemas: _Schemas) -> dict[str, object]:
    described: dict[str, object] = {"description": answer.description}
    if answer.media is not None:
        schema = {} if answer.shape is None else {"schema": schemas.of(answer.shape)}
        described["content"] = {answer.media: schema}
    if answer.headers:
        described["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in answer.headers.items()
        }
    return described


def _problem(codes: list[str], schemas: _Schemas) -> dict[str, object]:
    described: dict[str, object] = {
        "description": "; ".join(f"`{code}`: {KIND_OF_CODE[code].title}" for code in codes),
        "content": {CONTENT_TYPE: {"schema": schemas.of(Problem)}},
    }
    if any(KIND_OF_CODE[code].status in (429, 503) for code in codes):
        described["headers"] = {
            "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
        }
    return described
