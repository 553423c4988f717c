"""`deploy/compose.yaml` as far as tests look at it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "compose.yaml"
REQUIRED_VARIABLE = re.compile(r"\$\{(?P<name>\w+):\?")


class Build(msgspec.Struct):
    """How an image is made."""

    context: str


class Condition(msgspec.Struct):
    """What another service must have reached before this one starts."""

    condition: str


class Healthcheck(msgspec.Struct):
    """How Docker sees whether a container is well."""

    test: list[str] = []
    disable: bool = False


class Service(msgspec.Struct):
    """One container."""

    image: str
    build: Build | None = None
    command: list[str] = []
    environment: dict[str, str] = {}
    depends_on: dict[str, Condition] = {}
    healthcheck: Healthcheck | None = None
    volumes: list[str] = []
    ports: list[str] = []
    networks: list[str] = []


class Compose(msgspec.Struct):
    """The file."""

    services: dict[str, Service]
    volumes: dict[str, None]
    networks: dict[str, dict[str, bool] | None]


def read_compose() -> Compose:
    """The file, with its merges done; what is not as it should be raises `msgspec.ValidationError`."""
    return msgspec.yaml.decode(FILE.read_text(), type=Compose)


def kinelog_services(compose: Compose) -> dict[str, Service]:
    """Those that run our own image."""
    return {name: service for name, service in compose.services.items() if service.build is not None}


def context_of(service: Service) -> Path:
    """The folder that the image is built from."""
    assert service.build is not None
    return Path(os.path.normpath(FILE.parent / service.build.context))
