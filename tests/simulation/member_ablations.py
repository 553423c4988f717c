"""The rules that owners who come and go ask for, taken away one at a time: the checker must object."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.ablations import AnswersWithoutProof
from tests.simulation.members_world import MemberVariant
from tests.simulation.world import Variant


@dataclass(frozen=True, slots=True)
class MemberAblation:
    """A broken variant, and the numbers of the invariants of which one must be seen to break."""

    variant: MemberVariant
    breaks: tuple[str, ...]


MEMBER_ABLATIONS: dict[str, MemberAblation] = {
    "lease-at-reply": MemberAblation(MemberVariant(lease_at_reply=False), ("2",)),
    "lease-at-acquisition": MemberAblation(MemberVariant(lease_at_acquisition=False), ("2",)),
    "forget-on-lost-session": MemberAblation(MemberVariant(forgets=False), ("2",)),
    "proof-of-ownership": MemberAblation(MemberVariant(owners=Variant(AnswersWithoutProof)), ("2",)),
}
