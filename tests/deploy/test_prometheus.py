"""Each alert fires when it should; alerts and dashboard ask for metrics that exist, by labels that they have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.deploy.compose import CLUSTER, read_compose
from tests.deploy.prometheus import (
    ADDED_BY_PROMETHEUS,
    DASHBOARD,
    FOLDER,
    OF_PROMETHEUS,
    RULES,
    RULES_TEST,
    alerts,
    documented,
    expected_alerts,
    expressions,
    grouping,
    panels,
    promtool,
    selectors,
)
from tests.deploy.topology import ROOT, TOPOLOGY

GRAFANA = ROOT / "deploy" / "grafana"
ALERTS = {rule.alert: rule for rule in alerts()}


def test_each_alert_fires_when_it_should_and_says_what_it_should() -> None:
    said = promtool("test", "rules", RULES_TEST.name, folder=FOLDER)
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_rule_that_was_broken_is_found(tmp_path: Path) -> None:
    every = yaml.safe_load(RULES_TEST.read_text())
    some = [case for case in every["tests"] if "TwoOwners" in case["name"] or "WithoutOwner" in case["name"]]
    (tmp_path / RULES_TEST.name).write_text(yaml.safe_dump({**every, "tests": some}))
    broken = RULES.read_text().replace("sum by (shard) (kinelog_actors_serving) > 1", "kinelog_actors_serving > 1")
    assert broken != RULES.read_text()
    (tmp_path / RULES.name).write_text(broken)
    said = promtool("test", "rules", RULES_TEST.name, folder=tmp_path)
    assert said.returncode == 1
    assert set(re.findall(r"alertname: (\w+)", said.stdout + said.stderr)) == {"KinelogShardTwoOwners"}


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_test_that_fires_and_one_that_does_not_and_says_what_to_do(alert: str) -> None:
    fires = [bool(one.exp_alerts) for one in expected_alerts() if one.alertname == alert]
    assert sorted(fires) == [False, True]
    assert ALERTS[alert].labels["severity"] in {"page", "look"}
    assert ALERTS[alert].annotations.keys() == {"summary", "action"}


def test_every_expression_of_the_dashboard_can_be_parsed(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions().values())]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    said = promtool("check", "rules", "panels.yaml", folder=tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_configuration_of_prometheus_is_one() -> None:
    said = promtool("check", "config", "prometheus.yaml", folder=FOLDER)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("where", expressions())
def test_every_metric_is_described_and_has_the_labels_that_it_is_asked_by(where: str) -> None:
    described = documented()
    asked = selectors(expressions()[where])
    assert asked, "an expression that asks for nothing"
    labels: set[str] = set(ADDED_BY_PROMETHEUS)
    for selector in asked:
        if selector.name in OF_PROMETHEUS:
            continue
        assert selector.name in described, selector.name
        assert selector.labels <= described[selector.name] | ADDED_BY_PROMETHEUS, selector
        labels |= described[selector.name]
    assert grouping(expressions()[where]) <= labels


def test_prometheus_asks_every_node_and_worker_of_the_cluster() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs.keys() == set(re.findall(r'job="([\w-]+)"', RULES.read_text()))
    services = read_compose(CLUSTER).services
    http, metrics = TOPOLOGY.ports["http"].number, TOPOLOGY.ports["metrics"].number
    (static,) = jobs["kinelog"]["static_configs"]
    assert static["targets"] == [f"{name}:{http}" for name in services if name.startswith("node-")]
    (found,) = jobs["kinelog-projections"]["dns_sd_configs"]
    assert (found["names"], found["port"]) == (["projections"], metrics)


def test_the_dashboard_is_provisioned_where_it_lies() -> None:
    grafana = read_compose(CLUSTER).services["grafana"]
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert f'"uid": "{source["uid"]}"' in DASHBOARD.read_text()
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/kinelog.yaml").read_text())["providers"]
    mounted = dict(volume.split(":")[:2][::-1] for volume in grafana.volumes)
    assert mounted[provider["options"]["path"]] == "./grafana/dashboards"
    assert mounted["/etc/grafana/provisioning"] == "./grafana/provisioning"
    assert grafana.environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].endswith(f"dashboards/{DASHBOARD.name}")


def test_no_two_panels_lie_upon_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel.gridPos
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel.title
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel.id for panel in panels()}) == len(panels())
