"""The pieces that an explanation is made of: fields of headers, bits of packed words, runs of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kinelog.codecs.headers import Header
from kinelog.codecs.packed_samples import PackedSamples

_SHOWN_BYTES = 8
_FIRST_SHOWN = 2


@dataclass(frozen=True, slots=True)
class ExplainedField:
    """One thing that some bytes of a frame say.

    Attributes:
        offset: Byte at which it starts.
        size: Bytes that hold it.
        bits: Lowest and highest bit of the word that these bytes make, or None where it is whole bytes.
        name: The field's name.
        hex: The bytes, as they lie; long runs are cut.
        value: The value that is read from them.
        meaning: What it says, for people.
    """

    offset: int
    size: int
    bits: tuple[int, int] | None
    name: str
    hex: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class View:
    """What of a frame is to be shown.

    Attributes:
        data: The frame.
        end: Where the bytes end that are being explained.
        all_samples: Whether long runs of samples are shown whole.
        fault: Byte at which the frame was refused, or None; the sample there is always shown.
    """

    data: bytes
    end: int
    all_samples: bool
    fault: int | None

    def until(self, end: int) -> View:
        """The same view of a frame that ends earlier."""
        return View(self.data, min(end, self.end), self.all_samples, self.fault)


def whole_field(view: View, at: int, size: int, name: str, value: str, meaning: str) -> ExplainedField:
    """A field of whole bytes, cut where the data end."""
    last = min(at + size, view.end)
    shown = view.data[at : min(last, at + _SHOWN_BYTES)].hex(" ")
    return ExplainedField(at, last - at, None, name, shown + (" …" if last - at > _SHOWN_BYTES else ""), value, meaning)


def header_fields(
    view: View, header: Header, at: int, say: Callable[[str, object], str | None]
) -> Iterator[ExplainedField]:
    """The fields of a header; one that is cut short ends them.

    Args:
        view: The frame.
        header: Its declaration.
        at: Byte at which the header starts.
        say: What the value of a field says beyond the field's own meaning, or None.
    """
    whole = view.end - at >= header.size
    values = header.unpack_from(view.data, at) if whole else ()
    for number, field in enumerate(header.fields):
        start = at + header.offset_of[field.name]
        if start >= view.end:
            return
        size = header.size_of[field.name]
        if not whole:
            cut = "cut short" if start + size > view.end else "in a header that is cut short"
            yield whole_field(view, start, size, field.name, "", f"{field.meaning} ({cut})")
            continue
        value = values[number]
        said = say(field.name, value)
        meaning = f"{field.meaning}: {said}" if said else field.meaning
        yield whole_field(view, start, size, field.name, show_value(value), meaning)


def show_value(value: object) -> str:
    """A value of a header as people read it."""
    return value.hex(" ") if isinstance(value, bytes) else repr(value)


def run_of(
    view: View, at: int, size: int, count: int, one: Callable[[int, int], Iterable[ExplainedField]]
) -> Iterator[ExplainedField]:
    """The fields of equal items one behind the other; the middle of a long run is told in one line.

    Args:
        view: The frame.
        at: Byte at which the first item starts.
        size: Bytes of an item.
        count: How many items were announced; those that the data do not hold whole are left out.
        one: The fields of the item with a number at a byte.
    """
    whole = min(count, max(0, view.end - at) // size)
    faulty = (view.fault - at) // size if view.fault is not None else -1
    hidden_from = None
    for number in range(whole):
        shown = view.all_samples or number < _FIRST_SHOWN or number in {faulty, whole - 1}
        if not shown:
            hidden_from = number if hidden_from is None else hidden_from
            continue
        if hidden_from is not None:
            yield _hidden(view, at + size * hidden_from, size * (number - hidden_from), hidden_from, number - 1)
            hidden_from = None
        yield from one(number, at + size * number)
    if whole < count and at + size * whole < view.end:
        yield whole_field(view, at + size * whole, view.end - at - size * whole, f"[{whole}]", "", "cut short")


def _hidden(view: View, at: int, size: int, first: int, last: int) -> ExplainedField:
    name = f"[{first}]" if first == last else f"[{first}]…[{last}]"
    return whole_field(view, at, size, name, "…", f"{last - first + 1} more, not shown")


def packed_fields(
    view: View, packed: PackedSamples, at: int, name: Callable[[int], str], meaning: Callable[[int, int], str]
) -> Iterator[ExplainedField]:
    """The bits of one packed word, spare ones included.

    Args:
        view: The frame.
        packed: How the word is packed.
        at: Byte at which it starts.
        name: Name of the n-th value of the word.
        meaning: What the n-th value says.
    """
    size = packed.word_bytes
    hexed = view.data[at : at + size].hex(" ")
    values = packed.decode(view.data, at, 1)[0]
    for axis, field in enumerate(packed.layout.fields):
        bits = (field.offset, field.offset + field.width - 1)
        value = int(values[axis])
        yield ExplainedField(at, size, bits, name(axis), hexed, str(value), meaning(axis, value))
    top = max(field.offset + field.width for field in packed.layout.fields)
    if top < 8 * size:
        spare = int.from_bytes(view.data[at : at + size], packed.layout.byte_order) >> top
        yield ExplainedField(at, size, (top, 8 * size - 1), "spare", hexed, str(spare), "ignored")
