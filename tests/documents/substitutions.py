"""The one place where what documents write becomes what this machine has.

A document's blocks are joined to one script for bash and run as they stand, in an empty folder with links to the
checkout's `tests`, `benchmarks` and `device`, beside a running service. Only these things differ from what a reader
types:

- *Places*: absolute paths become paths in that folder, `.data` the running service's folder, the service's URL its real
  one, `kl.…` an owner's token. `TIME` in the name of a backup becomes whatever stands there.
- *Programs* (`PROGRAMS`, found first on the PATH): `make` shows what it would do, `curl` fails when the answer is an
  error, `kinelog` and `python` are those of this interpreter.
- *Without end*: what runs until it is stopped is stopped as soon as it shows the sign of being at work.
- *Less of it*: numbers that make a command long are smaller.
- A comment `… exit code N` is taken at its word.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

STOPPED_AT = Path(__file__).with_name("stopped_at.py")
PROGRAMS = {
    "make": 'exec /usr/bin/env -u MAKEFLAGS -u MAKELEVEL make_of_this_machine --dry-run -C "$ROOT" "$@"',
    "curl": 'exec curl_of_this_machine --fail-with-body --silent --show-error --max-time 30 "$@"',
    "kinelog": f'exec {sys.executable} -m kinelog.service "$@"',
    "python": f'exec {sys.executable} "$@"',
    "stopped_at": f'exec {sys.executable} {STOPPED_AT} "$@"',
    "exits_with": 'wanted=$1; shift; code=0; "$@" || code=$?; [ "$code" = "$wanted" ] || exit 99',
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the placeholders stand for."""

    folder: Path
    data: Path
    url: str
    token: str


def runnable(text: str, around: Surroundings) -> str:
    """A document's commands with its placeholders filled in."""
    for pattern, replacement in _replacements(around):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def _replacements(around: Surroundings) -> tuple[tuple[str, str], ...]:
    return (
        # Places.
        (r"(?<=[ =])/(?=(srv|backups|safe|where)/)", f"{around.folder}/"),
        (r"(?<= )\.data\b|(?<=sqlite:)\.data\b", str(around.data)),
        (r"http://127\.0\.0\.1:8080", around.url),
        (r"kl\.…", around.token),
        (r"/(log|keys|models)-1700000000000", r"/\1-*"),
        (r"--host 0\.0\.0\.0 --port 8080", "--host 127.0.0.1 --port 0"),
        # Without end.
        (r"^(kinelog serve .*)$", r"stopped_at 'listening on' \1"),
        (r"^(kinelog simulate .*)--forever(.*)$", r"stopped_at '\\tpebble' \1--forever --ledger /dev/stdout\2"),
        (r"^(curl -N .*)$", r"stopped_at 'event: snapshot' \1"),
        # Less of it.
        (r"--cases 1000000", "--cases 2000"),
        (r"--users \d+", "--users 3"),
        (r"--minutes \d+", "--minutes 0.1"),
        (r"--live --speed 10", "--live --speed 50 --minutes 0.1"),
        (r"--seconds 10 --rounds 3", "--seconds 0.5 --rounds 1 --connections 8"),
        (r"benchmarks\.journal_commits", r"\g<0> --commits 10 --saves 10 --rounds 1"),
        (r"benchmarks\.device_evaluation$", r"\g<0> --rounds 3"),
        (r"benchmarks\.batched_fits$", r"\g<0> --rounds 1 --peer-fits 1"),
        (r"promotion_rule --runs \d+", "promotion_rule --runs 1"),
        (r"benchmarks\.replay", r"\g<0> --events 300"),
        (r"forwarding --rounds 5", "forwarding --rounds 1 --seconds 0.3 --warm 0.2 --people 16"),
        (r"projection_lag --seconds 10", "projection_lag --seconds 0.5 --connections 8"),
        (r"-m tests\.simulation(?= +#)|--count 50000", r"\g<0> --count 10"),
        # As said.
        (r"^(.*\S) +#.*exit code (\d+)$", r"exits_with \2 \1"),
    )
