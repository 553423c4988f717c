"""Decisions as the written form of events can express them, so that what is in memory is what the log folds to."""

from __future__ import annotations

from collections.abc import Mapping

from kinelog.actors.rules import Rules
from kinelog.domain.commands import Command
from kinelog.domain.decider import Decision, State
from kinelog.domain.errors import Rejection
from kinelog.domain.events import Event
from kinelog.domain.identifiers import Person
from kinelog.domain.limits import Limits
from kinelog.journal.event_codec import EventCodec

NOT_YET = Rejection(
    "unavailable", "The service is being upgraded and cannot store this yet; send it again.", retryable=True
)


def formed(rules: Rules, codec: EventCodec) -> Rules:
    """Rules that decide nothing which the codec may not write now; the same rules where there is only one form."""
    if not codec.forms.ever_changed:
        return rules

    def decide(
        person: Person, command: Command, states: Mapping[str, State], limits: Limits
    ) -> Decision | Rejection:  # fmt: skip
        decision = rules.decide(person, command, states, limits)
        if isinstance(decision, Rejection) or codec.write_form >= codec.forms.newest:
            return decision
        return _spoken(decision, codec)

    return rules._replace(decide=decide)


def _spoken(decision: Decision, codec: EventCodec) -> Decision | Rejection:
    spoken: list[tuple[str, Event]] = []
    for entity, event in decision.events:
        said = codec.forms.spoken(event, codec.write_form)
        if said is None:
            return NOT_YET
        spoken.append((entity, said))
    if all(said is event for (_, said), (_, event) in zip(spoken, decision.events, strict=True)):
        return decision
    # Evolved anew from what was said: the state that deciding worked out may know more than the log will.
    return Decision(tuple(spoken), decision.reply)
