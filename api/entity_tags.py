"""`If-Match` and `If-None-Match` (RFC 9110, 13.1): any representation at all, or a list of entity tags.

A tag is compared as it is written, quotes included: `"*"` is a tag like any other, and only a bare `*` means any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import hdrs, web

_TAG = re.compile(r'(W/)?("[^\x00-\x20"\x7f]*")')
# Every blank has one place in it: with two ways to read a blank, reading a list of commas would take for ever.
_LIST = re.compile(rf"(?:{_TAG.pattern}[ \t]*)?(?:,[ \t]*(?:{_TAG.pattern}[ \t]*)?)*")


@dataclass(frozen=True, slots=True)
class EntityTags:
    """What the sender of a condition names.

    Attributes:
        any: Whether it was `*`.
        strong: Tags without `W/`, in the order in which they were sent.
        weak: Those with it, the mark taken off.
    """

    any: bool = False
    strong: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()

    def has_weakly(self, etag: str) -> bool:
        """Whether a strong tag is among them, weak ones compared by their value: what `If-None-Match` asks."""
        return self.any or etag in self.strong or etag in self.weak


def entity_tags(lines: list[str]) -> EntityTags | None:
    """The tags of a header, which may have been sent in several lines; None if it is no such header's value."""
    text = ",".join(lines).strip(" \t")
    if text == "*":
        return EntityTags(any=True)
    found = [(match[1] is not None, match[2]) for match in _TAG.finditer(text)] if _LIST.fullmatch(text) else []
    if not found:
        return None
    return EntityTags(
        strong=tuple(tag for is_weak, tag in found if not is_weak), weak=tuple(tag for is_weak, tag in found if is_weak)
    )


def has_it(request: web.Request, etag: str) -> bool:
    """Whether the caller has what this tag names already, so that 304 is the answer; a spoilt header says nothing."""
    lines = request.headers.getall(hdrs.IF_NONE_MATCH, [])
    tags = entity_tags(lines) if lines else None
    return tags is not None and tags.has_weakly(etag)
