"""One page of several processes' figures says of each series whose it is, and loses none."""

from __future__ import annotations

import pytest
from kinelog.observability.merged_figures import merged
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families


def page(commits: int, depth: float) -> bytes:
    """What one process tells."""
    registry = CollectorRegistry()
    Counter("commits", "Commits.", registry=registry).inc(commits)
    Gauge("depth", "Of a shard.", ["shard"], registry=registry).labels("3").set(depth)
    Histogram("seconds", "Time.", buckets=(1, 2), registry=registry).observe(1.5)
    return generate_latest(registry)


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of a page."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_every_sample_of_every_page_is_there_with_its_process() -> None:
    pages = {"gym-1": page(5, 1.0), "gym-2": page(7, 2.0)}
    together = samples(merged(dict(pages)))
    for process, own in pages.items():
        for (name, labels), value in samples(own).items():
            assert together[name, labels | {("process", process)}] == value
    assert len(together) == sum(len(samples(own)) for own in pages.values()) + 2


@pytest.mark.parametrize("family", [b"commits_total counter", b"depth gauge", b"seconds histogram"])
def test_a_family_of_several_pages_is_one_family(family: bytes) -> None:
    text = merged({"gym-1": page(1, 1.0), "gym-2": page(1, 1.0)})
    assert text.count(b"# TYPE " + family + b"\n") == 1


def test_a_process_that_did_not_answer_is_told_as_down_and_the_others_are_there() -> None:
    together = samples(merged({"gym-1": page(1, 1.0), "gym-2": None}))
    assert together["kinelog_process_up", frozenset({("process", "gym-1")})] == 1.0
    assert together["kinelog_process_up", frozenset({("process", "gym-2")})] == 0.0
    assert together["commits_total", frozenset({("process", "gym-1")})] == 1.0
