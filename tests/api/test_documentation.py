"""`docs/api.md` names every problem and every route, with the status and path they have."""

from __future__ import annotations

import re
from pathlib import Path

import kinelog.domain.decider
from kinelog.api.authorization import ROLES
from kinelog.api.problem_catalogue import KIND_OF_CODE
from kinelog.api.route_table import ROUTES
from kinelog.codecs import errors as codec_errors
from kinelog.codecs.errors import CodecError

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "api.md").read_text()
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\d{3}) \|", re.MULTILINE)


def test_the_table_of_problems_is_the_catalogue() -> None:
    written = {code: int(status) for code, status in ROW.findall(DOCUMENT)}
    assert written == {code: kind.status for code, kind in KIND_OF_CODE.items()}


def test_every_refusal_of_the_state_machines_is_in_the_catalogue() -> None:
    folder = Path(kinelog.domain.decider.__file__).parent
    source = "\n".join(path.read_text() for path in folder.glob("*.py"))
    codes = re.findall(r'(?:Rejection\(\s*|_rejected\(\s*\w+,\s*|FrameStatus\.CONFLICT,\s*)"([a-z-]+)"', source)
    assert len(codes) > 40
    assert set(codes) <= KIND_OF_CODE.keys()


def test_every_code_of_the_codecs_is_in_the_catalogue() -> None:
    kinds = [kind for kind in vars(codec_errors).values() if isinstance(kind, type) and issubclass(kind, CodecError)]
    assert len(kinds) > 10
    assert {kind.code for kind in kinds} <= KIND_OF_CODE.keys()


def test_every_route_is_named() -> None:
    for route in ROUTES:
        if route.path.startswith(("/v1/users/{user}/sessions/", "/v1/users/{user}/devices/")):
            continue  # the same as those without the user, which the text says once
        tail = re.sub(r"^/v1/(sessions/\{session\}(?=[/:])|users/\{user\}(?=/sessions))", "", route.path)
        assert tail in DOCUMENT or route.path in DOCUMENT, route.path


def test_every_role_is_a_column() -> None:
    header = next(line for line in DOCUMENT.splitlines() if line.startswith("| | device"))
    assert all(f"| {role} " in header for roles in ROLES.values() for role in roles)
