"""Alerts and the dashboard, and what tells whether they are well: promtool, and the list of metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from tests.deploy.topology import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "rules.yaml"
RULES_TEST = FOLDER / "rules_test.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "kinelog.json"
METRICS = ROOT / "docs" / "metrics.md"
OF_PROMETHEUS = {"up"}
PARTS_OF_A_HISTOGRAM = ("_bucket", "_count", "_sum")
_SELECTOR = re.compile(r"\b(?P<name>kinelog_\w+|up)\b(?:\{(?P<matchers>[^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")
ADDED_BY_PROMETHEUS = {"job", "instance", "le"}


class Rule(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An alert."""

    alert: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]
    for_: str = msgspec.field(name="for", default="0s")


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """Alerts that are looked at together."""

    name: str
    rules: list[Rule]


class Rules(msgspec.Struct, forbid_unknown_fields=True):
    """The file."""

    groups: list[Group]


class AlertTest(msgspec.Struct):
    """What should fire at a moment."""

    alertname: str
    exp_alerts: list[object]


class RulesTestCase(msgspec.Struct):
    """One test of promtool."""

    alert_rule_test: list[AlertTest]


class RulesTest(msgspec.Struct):
    """The file of tests."""

    tests: list[RulesTestCase]


class Target(msgspec.Struct):
    """One question of a panel."""

    expr: str


class Panel(msgspec.Struct):
    """A picture, or a headline."""

    id: int
    type: str
    title: str
    gridPos: dict[str, int]  # noqa: N815 - as Grafana calls it
    targets: list[Target] = []


class Dashboard(msgspec.Struct):
    """The file."""

    uid: str
    panels: list[Panel]


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric as an expression asks for it."""

    name: str
    labels: frozenset[str]


def alerts() -> list[Rule]:
    """All alerts."""
    return [rule for group in msgspec.yaml.decode(RULES.read_bytes(), type=Rules).groups for rule in group.rules]


def expected_alerts() -> list[AlertTest]:
    """All that is expected of them."""
    found = msgspec.convert(yaml.safe_load(RULES_TEST.read_text()), RulesTest)
    return [one for case in found.tests for one in case.alert_rule_test]


def panels() -> list[Panel]:
    """All pictures of the dashboard."""
    return [
        panel for panel in msgspec.json.decode(DASHBOARD.read_bytes(), type=Dashboard).panels if panel.type != "row"
    ]


def expressions() -> dict[str, str]:
    """Every expression of alerts and dashboard, by where it stands."""
    of_alerts = {rule.alert: rule.expr for rule in alerts()}
    return of_alerts | {
        f"{panel.title} {number}": target.expr for panel in panels() for number, target in enumerate(panel.targets)
    }


def selectors(expression: str) -> list[Selector]:
    """The metrics that an expression asks for."""
    return [
        Selector(found["name"], frozenset(_MATCHER.findall(found["matchers"] or "")))
        for found in _SELECTOR.finditer(expression)
    ]


def grouping(expression: str) -> set[str]:
    """Labels that an expression groups by."""
    return {label.strip() for found in _GROUPED.findall(expression) for label in found.split(",")}


def documented() -> dict[str, set[str]]:
    """Each series that is described, with its labels; those of histograms by their parts."""
    found: dict[str, set[str]] = {}
    rows = re.findall(r"^\| `(kinelog_\w+)` \|([^|]*)\| (.*) \|$", METRICS.read_text(), re.MULTILINE)
    for name, labels, means in rows:
        parts = PARTS_OF_A_HISTOGRAM if means.startswith("histogram") else ("",)
        found.update({name + part: set(re.findall(r"\w+", labels)) for part in parts})
    return found


def promtool(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run it; a machine that lacks it is told what to install."""
    program = shutil.which("promtool")
    assert program is not None, "alerts are tested with promtool: install it (Debian: apt-get install prometheus)"
    command = [program, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
