"""Figures of several processes as one page for Prometheus: each series gets a label that says whose it is.

Without that, a scrape of a port that several processes share would show one of them, at the next scrape another, and
counters that seem to jump back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from typing_extensions import override

LABEL = "process"


@dataclass(frozen=True, eq=False, slots=True)
class _Pages(Collector):
    pages: Mapping[str, bytes | None]

    def describe(self) -> list[Metric]:
        """Nothing: names come with the pages."""
        return []

    @override
    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("kinelog_process_up", "Whether the process told its figures.", labels=[LABEL])
        families: dict[str, Metric] = {}
        for process, page in sorted(self.pages.items()):
            up.add_metric([process], float(page is not None))
            for family in text_string_to_metric_families((page or b"").decode()):
                whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                whole.samples += [s._replace(labels={**s.labels, LABEL: process}) for s in family.samples]
        yield up
        yield from families.values()


def merged(pages: Mapping[str, bytes | None]) -> bytes:
    """One page of many.

    Args:
        pages: What each process told, as Prometheus reads it; None of one that did not answer.
    """
    registry = CollectorRegistry()
    registry.register(_Pages(pages))
    return generate_latest(registry)
