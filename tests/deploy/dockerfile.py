"""The Dockerfile as far as tests look at it."""

from __future__ import annotations

import re

from tests.deploy.topology import ROOT

DOCKERFILE = ROOT / "Dockerfile"
_CONTINUED = re.compile(r"\\\n")


def stages() -> dict[str, str]:
    """Each stage's instructions, by name; the image that is built when none is named is `serve` here."""
    text = _CONTINUED.sub(" ", re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE))
    found = {}
    for part in re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]:
        named = re.match(r"FROM \S+ AS (\S+)", part)
        found[named[1] if named else "serve"] = part
    return found


def built_on(stage: str) -> str:
    """This stage's instructions after those of the stages that it goes on from."""
    text = stages()[stage]
    (below,) = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    return (built_on(below) if below in stages() else "") + text


def instructions(text: str, word: str) -> list[str]:
    """What stands behind each instruction of this word."""
    return re.findall(rf"^{word} (.*)$", text, re.MULTILINE)
