"""The files for Docker Compose as far as tests look at them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import cast

import msgspec
import yaml

from tests.deploy.topology import ROOT

SINGLE = ROOT / "deploy" / "compose.yaml"
CLUSTER = ROOT / "deploy" / "compose.cluster.yaml"
REQUIRED_VARIABLE = re.compile(r"\$\{(?P<name>\w+):\?")
_TAG_AND_DIGEST = re.compile(r"(?P<name>[^\"@]+):[^\":@]+(?P<digest>@sha256:[0-9a-f]{64})")


class Build(msgspec.Struct):
    """How an image is made."""

    context: str


class Extended(msgspec.Struct):
    """A service of another file that this one is."""

    file: str
    service: str


class Condition(msgspec.Struct):
    """What another service must have reached before this one starts."""

    condition: str


class Healthcheck(msgspec.Struct):
    """How Docker sees whether a container is well."""

    test: list[str] = []
    disable: bool = False
    interval: str = ""
    timeout: str = ""
    retries: int = 0
    start_period: str = ""


class Deploy(msgspec.Struct):
    """How many of them."""

    replicas: int = 1


class Service(msgspec.Struct):
    """One container."""

    image: str = ""
    extends: Extended | None = None
    build: Build | None = None
    command: list[str] = []
    environment: dict[str, str] = {}
    depends_on: dict[str, Condition] = {}
    healthcheck: Healthcheck | None = None
    volumes: list[str] = []
    tmpfs: list[str] = []
    ports: list[str] = []
    networks: list[str] = []
    deploy: Deploy = msgspec.field(default_factory=Deploy)
    read_only: bool = False
    cap_drop: list[str] = []
    security_opt: list[str] = []
    stop_grace_period: str = ""
    mem_limit: str = ""
    restart: str = ""


class Compose(msgspec.Struct):
    """A file."""

    services: dict[str, Service]
    volumes: dict[str, None]
    networks: dict[str, dict[str, bool] | None]


def read_compose(file: Path = SINGLE) -> Compose:
    """A file, with its merges and extensions done; what is not as it should be raises `msgspec.ValidationError`."""
    compose = msgspec.convert(yaml.safe_load(file.read_text()), Compose)
    for name, service in compose.services.items():
        if service.extends is not None:
            compose.services[name] = read_compose(file.parent / service.extends.file).services[service.extends.service]
    return compose


def for_the_specification(file: Path) -> dict[str, object]:
    """A file as the library that knows the specification takes it: merged, and of an image's tag and digest only one.

    Docker takes both and looks at the digest; the library takes either.
    """
    merged = json.dumps(yaml.safe_load(file.read_text()))
    return cast("dict[str, object]", json.loads(_TAG_AND_DIGEST.sub(r"\g<name>\g<digest>", merged)))


def kinelog_services(compose: Compose) -> dict[str, Service]:
    """Those that run our own image."""
    return {name: service for name, service in compose.services.items() if service.build is not None}


def context_of(service: Service) -> Path:
    """The folder that the image is built from."""
    assert service.build is not None
    return Path(os.path.normpath(SINGLE.parent / service.build.context))


def seconds(duration: str) -> int:
    """`60s` as a number."""
    found = re.fullmatch(r"(\d+)s", duration)
    assert found is not None, f"{duration!r} is not written as whole seconds"
    return int(found[1])
