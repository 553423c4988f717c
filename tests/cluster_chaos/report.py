"""What a campaign found, for people and for machines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from tests.cluster_chaos.campaign import Campaign, Felt
from tests.cluster_chaos.checks import Checked
from tests.cluster_chaos.judge import Complaint

COLUMNS = "{:<28} {:>5} {:>12} {:>7} {:>7} {:>9} {:>9}"
HEADINGS = ("fault", "times", "acknowledged", "later", "lost", "without", "longest")
LEGEND = (
    "later: answers that said when to come back; lost: requests without an answer;\n"
    "without: longest time for any phone without an acknowledgement; longest: longest wait for any answer"
)
NOTHING = Checked(0, 0, 0, ())


def by_kind(felt: Iterable[Felt]) -> dict[str, list[Felt]]:
    """What was felt, by kind of fault, in the order in which kinds came."""
    kinds: dict[str, list[Felt]] = {}
    for one in felt:
        kinds.setdefault(one.kind, []).append(one)
    return kinds


def table(campaign: Campaign, seed: int, stuck: str | None) -> str:
    """A row a kind of fault, and what was found in all."""
    lines = [COLUMNS.format(*HEADINGS)]
    lines += [_row(kind, felt) for kind, felt in by_kind(campaign.felt).items()]
    found = found_in(campaign, stuck)
    counts = Counter(complaint.rule for complaint in found)
    last = campaign.looks[-1] if campaign.looks else NOTHING
    late = f"answers about commits after another node had the shard {last.late}"
    lines += [
        LEGEND,
        "",
        f"seed {seed}: {len(campaign.felt)} faults, {len(campaign.looks)} looks at everything",
        f"acknowledged {last.acknowledged}, stored {last.stored}, lost {counts['lost']}, doubled {counts['doubled']}",
        late,
        f"complaints {len(found)}",
        *(f"  {one.rule}: {one.words}" for one in found),
    ]
    return "\n".join(lines)


def document(campaign: Campaign, seed: int, stuck: str | None) -> str:
    """The same as JSON."""
    found = found_in(campaign, stuck)
    counts = Counter(complaint.rule for complaint in found)
    last = campaign.looks[-1] if campaign.looks else NOTHING
    faults = {
        kind: {
            "times": len(felt),
            "acknowledged": sum(one.acknowledged for one in felt),
            "later": sum(one.refused for one in felt),
            "lost": sum(one.lost for one in felt),
            "without_s": round(max(one.without_s for one in felt), 2),
            "longest_s": round(max(one.answer_s for one in felt), 2),
        }
        for kind, felt in by_kind(campaign.felt).items()
    }
    return json.dumps(
        {
            "seed": seed,
            "faults": faults,
            "looks": len(campaign.looks),
            "acknowledged": last.acknowledged,
            "stored": last.stored,
            "lost": counts["lost"],
            "doubled": counts["doubled"],
            "late": last.late,
            "complaints": [complaint._asdict() for complaint in found],
        }
    )


def found_in(campaign: Campaign, stuck: str | None) -> list[Complaint]:
    """All complaints; that something never happened is one."""
    return [*campaign.complaints, *([Complaint("never", stuck)] if stuck else [])]


def _row(kind: str, felt: list[Felt]) -> str:
    return COLUMNS.format(
        kind,
        len(felt),
        sum(one.acknowledged for one in felt),
        sum(one.refused for one in felt),
        sum(one.lost for one in felt),
        f"{max(one.without_s for one in felt):.1f} s",
        f"{max(one.answer_s for one in felt):.1f} s",
    )
