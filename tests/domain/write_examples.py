"""Write down how events and states are stored today, for versions that are not written down yet.

Run it after adding an event or raising a version (`PYTHONPATH=.dev python -m tests.domain.write_examples`) and commit
the result. What stands in the files is never changed: those bytes are in somebody's log.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from kinelog.domain.states import SessionState, TenantState, UserState

from tests.domain.layouts import layout_of
from tests.domain.sample_events import SAMPLES

FOLDER = Path(__file__).parent / "stored_examples"
EVENTS = FOLDER / "events.json"
STATES = FOLDER / "states.json"
STATE_TYPES = (UserState, SessionState, TenantState)


def main() -> None:
    """Add what is missing; leave what is there."""
    events = json.loads(EVENTS.read_text()) if EVENTS.exists() else {}
    for event in SAMPLES:
        versions = events.setdefault(type(event).__name__, {})
        example = {"stored": msgspec.msgpack.encode(event).hex(), "layout": layout_of(type(event))}
        versions.setdefault(str(event.schema), example)
    EVENTS.write_text(json.dumps(events, indent=1) + "\n")
    states = json.loads(STATES.read_text()) if STATES.exists() else {}
    for kind in STATE_TYPES:
        states.setdefault(kind.__name__, {}).setdefault(str(kind.schema), layout_of(kind))
    STATES.write_text(json.dumps(states, indent=1) + "\n")


if __name__ == "__main__":
    main()
