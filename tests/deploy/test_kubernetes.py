"""The files for Kubernetes are valid, run the described processes, and let them do nothing that they need not."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.deploy.command_lines import known_variables, settings_of, understand
from tests.deploy.kustomize import Resource, containers, pod_of, read_kustomization, rendered
from tests.deploy.topology import ROOT, TOPOLOGY

FOLDER = ROOT / "deploy" / "kubernetes"
BASE = FOLDER / "base"
OVERLAYS = sorted((FOLDER / "overlays").iterdir())
OLDEST = "1.30"  # the first that waits before SIGTERM without a shell in the image
KINDS = {"service": "Deployment", "projections": "Deployment", "schema": "Job", "fit": "CronJob"}
OBJECTS = {folder.name: rendered(folder) for folder in (BASE, *OVERLAYS)}
PROBES = {"ready": "readinessProbe", "live": "livenessProbe"}
RUN = [(where, process) for where in OBJECTS for process in TOPOLOGY.processes]


def the(where: str, kind: str, name: str) -> Resource:
    (found,) = (one for one in OBJECTS[where] if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


def running(where: str, process: str) -> tuple[Resource, dict[str, Any], dict[str, Any]]:
    """The object that runs a process, its pod and its container."""
    resource = the(where, KINDS[process], f"kinelog-{process}")
    pod = pod_of(resource)
    assert pod is not None
    (container,) = containers(resource)
    return resource, pod, container


def environment(where: str, container: dict[str, Any]) -> dict[str, str | None]:
    """Variables of a container; None for those that Kubernetes puts in."""
    maps = {one["metadata"]["name"]: one["data"] for one in OBJECTS[where] if one["kind"] == "ConfigMap"}
    found: dict[str, str | None] = {}
    for variable in container["env"]:
        source = variable.get("valueFrom", {}).get("configMapKeyRef")
        found[variable["name"]] = maps[source["name"]][source["key"]] if source else variable.get("value")
    return found


@pytest.mark.parametrize("folder", [BASE, *OVERLAYS], ids=lambda folder: folder.name)
def test_every_file_is_used(folder: Path) -> None:
    wanted = read_kustomization(folder)
    used = {*wanted.resources, *(patch.path for patch in wanted.patches), "kustomization.yaml"}
    assert {file.name for file in folder.iterdir()} == {name for name in used if "/" not in name}


@pytest.mark.parametrize(
    ("where", "version"),
    [("base", OLDEST), *((folder.name, kubernetes_validate.latest_version()) for folder in OVERLAYS)],
)
def test_every_object_is_as_the_schema_says(where: str, version: str) -> None:
    for resource in OBJECTS[where]:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("path", [("spec",), ("spec", "template", "spec"), ("spec", "strategy")])
def test_a_misspelt_key_is_found(path: tuple[str, ...]) -> None:
    wrong = copy.deepcopy(the("base", "Deployment", "kinelog-service"))
    there = wrong
    for key in path:
        there = there[key]
    there["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, OLDEST, strict=True)


@pytest.mark.parametrize(("where", "process"), RUN)
def test_a_container_is_the_described_process(where: str, process: str) -> None:
    described = TOPOLOGY.processes[process]
    _, pod, container = running(where, process)
    assert tuple(container["args"]) == described.command
    understand(container["args"])
    assert "command" not in container  # the image's entry point is the program itself, which gets the signals
    assert pod["terminationGracePeriodSeconds"] == described.grace_s
    memory = f"{described.memory_mib}Mi"
    assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"] == memory
    cpus = container["resources"]["requests"]["cpu"]
    assert cpus == (f"{described.cpus * 1000:.0f}m" if described.cpus < 1 else f"{described.cpus:g}")
    assert "cpu" not in container["resources"]["limits"]  # a commit must not wait for the next period of a quota
    listens = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    assert listens == {port: TOPOLOGY.ports[port].number for port in described.ports}


@pytest.mark.parametrize(("where", "process"), RUN)
def test_variables_are_known_and_secrets_come_by_reference(where: str, process: str, tmp_path: Path) -> None:
    described = TOPOLOGY.processes[process]
    _, _, container = running(where, process)
    given = environment(where, container)
    assert len(given) == len(container["env"])
    assert TOPOLOGY.required(process) <= given.keys() <= known_variables()
    assert {*described.told, *described.secrets} <= given.keys()
    for variable in container["env"]:
        secret = variable["name"] in TOPOLOGY.secrets()
        assert ("secretKeyRef" in variable.get("valueFrom", {})) == secret, variable["name"]
        if secret:
            optional = variable["valueFrom"]["secretKeyRef"].get("optional", False)
            assert optional == TOPOLOGY.variables[variable["name"]].optional
    for name, value in described.variables.items():
        assert given[name] == value
    files = {name for name in given if name.endswith("_CA")}
    settings = settings_of({name: value for name, value in given.items() if name not in files}, tmp_path)
    assert settings.store.startswith("cassandra://")


@pytest.mark.parametrize(("where", "process"), RUN)
def test_a_pod_is_nobody_and_writes_only_where_it_must(where: str, process: str) -> None:
    _, pod, container = running(where, process)
    who = pod["securityContext"]
    assert who["runAsNonRoot"] is True
    assert (who["runAsUser"], who["runAsGroup"]) == (TOPOLOGY.image.user, TOPOLOGY.image.group)
    assert who["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == set(TOPOLOGY.processes[process].writes)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
    assert all(volume.get("emptyDir", {"sizeLimit": ""}).get("sizeLimit") is not None for volume in volumes.values())


@pytest.mark.parametrize("where", OBJECTS)
@pytest.mark.parametrize("name", ["service", "projections"])
def test_probes_and_the_way_out_are_the_described_ones(where: str, name: str) -> None:
    process = TOPOLOGY.processes[name]
    _, _, container = running(where, name)
    asked = {kind: container[field] for kind, field in PROBES.items() if field in container}
    assert asked == {
        kind: {
            "httpGet": {"port": probe.port, "path": probe.path},
            "periodSeconds": probe.every_s,
            "timeoutSeconds": probe.within_s,
            "failureThreshold": probe.failures,
        }
        for kind, probe in process.probes.items()
    }
    start = container["startupProbe"]
    assert start["httpGet"]["path"] == process.probes["live"].path
    assert start["periodSeconds"] * start["failureThreshold"] == process.starts_within_s
    wait = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert wait == process.leaves_rotation_s


@pytest.mark.parametrize("where", OBJECTS)
@pytest.mark.parametrize("process", ["service", "projections"])
def test_what_serves_is_on_machines_of_its_own_and_loses_one_at_a_time(where: str, process: str) -> None:
    resource, pod, _ = running(where, process)
    labels = resource["spec"]["template"]["metadata"]["labels"]
    assert resource["spec"]["selector"]["matchLabels"] == labels
    assert resource["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    (apart,) = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart == {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
    budget = the(where, "PodDisruptionBudget", f"kinelog-{process}")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    assert resource["spec"]["replicas"] >= TOPOLOGY.processes[process].instances


@pytest.mark.parametrize("where", OBJECTS)
def test_nights_do_not_overlap_and_are_tried_again(where: str) -> None:
    spec = the(where, "CronJob", "kinelog-fit")["spec"]
    assert spec["schedule"] == TOPOLOGY.processes["fit"].cron
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == TOPOLOGY.processes["fit"].starts_within_s
    assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 24 * 3600


@pytest.mark.parametrize("where", OBJECTS)
@pytest.mark.parametrize(
    ("name", "process"), [("kinelog", "service"), ("kinelog-nodes", "service"), ("kinelog-workers", "projections")]
)
def test_services_lead_to_pods(where: str, name: str, process: str) -> None:
    resource, _, _ = running(where, process)
    spec = the(where, "Service", name)["spec"]
    assert spec["selector"] == resource["spec"]["template"]["metadata"]["labels"]
    assert {port["targetPort"] for port in spec["ports"]} <= set(TOPOLOGY.processes[process].ports)
    if name != "kinelog":  # each pod has an address, for who must see the one that is not ready
        assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)


def test_by_default_nothing_comes_in_or_goes_out() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in OBJECTS["base"] if one["kind"] == "NetworkPolicy"}
    assert policies["nothing-else"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    comes_in = {name for name, policy in policies.items() if policy.get("ingress")}
    assert comes_in == {"service", "projections"}
    assert policies["projections"]["ingress"] == [{"ports": [{"port": "metrics"}]}]
    http, internal = policies["service"]["ingress"]
    assert http == {"ports": [{"port": "http"}]}
    assert internal["ports"] == [{"port": "internal"}]
    assert internal["from"] == [{"podSelector": policies["service"]["podSelector"]}]


@pytest.mark.parametrize("where", OBJECTS)
def test_policies_are_about_pods_that_exist(where: str) -> None:
    pods = []
    for process in TOPOLOGY.processes:
        resource, _, _ = running(where, process)
        job = resource["spec"].get("jobTemplate", resource)["spec"]
        pods.append(job["template"]["metadata"]["labels"])
    for policy in (one["spec"] for one in OBJECTS[where] if one["kind"] == "NetworkPolicy"):
        wanted = policy["podSelector"].get("matchLabels", {}).items()
        assert any(wanted <= labels.items() for labels in pods)


def test_every_secret_that_is_referred_to_is_described() -> None:
    text = (ROOT / "docs" / "deploying.md").read_text()
    for _, process in RUN:
        _, _, container = running("base", process)
        for variable in container["env"]:
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                assert f"`{reference['name']}`" in text
                assert f"`{reference['key']}`" in text


def test_files_hold_no_secret() -> None:
    for file in FOLDER.rglob("*.yaml"):
        kinds = [one.get("kind") for one in yaml.safe_load_all(file.read_text()) if isinstance(one, dict)]
        assert "Secret" not in kinds
