"""What `kubectl apply -k` would send, as far as our kustomizations go: resources, maps, images, replicas, patches.

A word of a kustomization that is not known here is refused, so that nothing is silently left out of what tests look at.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

Resource = dict[str, Any]
"""One object, as its YAML says."""


class Image(msgspec.Struct, forbid_unknown_fields=True):
    """What an image is replaced by."""

    name: str
    new_name: str = msgspec.field(name="newName")
    new_tag: str | None = msgspec.field(name="newTag", default=None)
    digest: str | None = None


class Replicas(msgspec.Struct, forbid_unknown_fields=True):
    """How many of a Deployment."""

    name: str
    count: int


class Target(msgspec.Struct, forbid_unknown_fields=True):
    """Which objects a patch is for."""

    kind: str
    name: str = ".*"


class Patch(msgspec.Struct, forbid_unknown_fields=True):
    """A file of changes to objects."""

    target: Target
    path: str


class Generator(msgspec.Struct, forbid_unknown_fields=True):
    """A ConfigMap."""

    name: str
    literals: list[str]
    behavior: str = "create"


class Labels(msgspec.Struct, forbid_unknown_fields=True):
    """Labels of every object."""

    pairs: dict[str, str]


class Kustomization(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A `kustomization.yaml`."""

    api_version: str = msgspec.field(name="apiVersion")
    kind: str
    namespace: str
    resources: list[str]
    labels: list[Labels] = []
    images: list[Image] = []
    replicas: list[Replicas] = []
    config_maps: list[Generator] = msgspec.field(name="configMapGenerator", default_factory=list)
    patches: list[Patch] = []


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """One step of a patch."""

    op: str
    path: str
    value: Any


def read_kustomization(folder: Path) -> Kustomization:
    """The file in a folder; what is not as it should be raises `msgspec.ValidationError`."""
    return msgspec.yaml.decode((folder / "kustomization.yaml").read_bytes(), type=Kustomization)


def rendered(folder: Path) -> list[Resource]:
    """All objects of a folder, with everything done to them."""
    wanted = read_kustomization(folder)
    objects: list[Resource] = []
    for name in wanted.resources:
        place = folder / name
        objects += rendered(place.resolve()) if place.is_dir() else list(yaml.safe_load_all(place.read_text()))
    for generator in wanted.config_maps:
        _generate(objects, generator)
    for patch in wanted.patches:
        changes = msgspec.yaml.decode((folder / patch.path).read_bytes(), type=list[Change])
        chosen = [one for one in objects if _chosen(one, patch.target)]
        assert chosen, f"{patch.path} changes nothing"
        for one in chosen:
            for change in changes:
                _apply(one, change)
    for replicas in wanted.replicas:
        (one,) = (one for one in objects if one["kind"] == "Deployment" and one["metadata"]["name"] == replicas.name)
        one["spec"]["replicas"] = replicas.count
    for image in wanted.images:
        _replace(objects, image)
    return objects


def _chosen(resource: Resource, target: Target) -> bool:
    name = str(resource["metadata"]["name"])
    return bool(re.fullmatch(target.kind, resource["kind"]) and re.fullmatch(target.name, name))


def _generate(objects: list[Resource], generator: Generator) -> None:
    values = dict(literal.split("=", 1) for literal in generator.literals)
    existing = [one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == generator.name]
    assert bool(existing) == (generator.behavior == "merge")
    for one in existing:
        assert values.keys() <= one["data"].keys(), "merges what is not there"
        one["data"].update(values)
    if not existing:
        metadata = {"name": generator.name}
        objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": values})


def _apply(resource: Resource, change: Change) -> None:
    assert change.op == "add", f"{change.op} is not done here"
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in change.path.split("/")[1:]]
    there: Any = resource
    for part in path:
        there = there[int(part)] if isinstance(there, list) else there[part]
    if isinstance(there, list):
        assert last == "-", f"{change.path} is added at the end only"
        there.append(copy.deepcopy(change.value))
    else:
        there[last] = copy.deepcopy(change.value)


def _replace(objects: list[Resource], image: Image) -> None:
    mark = f"@{image.digest}" if image.digest else f":{image.new_tag}"
    found = [container for one in objects for container in containers(one) if container["image"] == image.name]
    assert found, f"nothing runs {image.name}"
    for container in found:
        container["image"] = image.new_name + mark


def pod_of(resource: Resource) -> Resource | None:
    """The specification of the pods that an object makes; None where it makes none."""
    spec = resource.get("spec", {})
    if resource["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Resource | None = spec.get("template", {}).get("spec")
    return found


def containers(resource: Resource) -> list[Resource]:
    """Containers of the pods that an object makes."""
    pod = pod_of(resource)
    return [] if pod is None else list(pod["containers"])
