"""Numbers for captured packets: the watch's 8-bit sequence, unwrapped along its clock.

Numbers are what a service counts gaps with, so they must go up by one for each packet that the watch sent, whether it
was captured or not. The 8 bits say by how much modulo 256; the clock says how many times 256. Where no multiple fits
the clock the watch was restarted, or the recording put together from two: a new run begins, right behind the last
number, so that nothing is stored under a number that is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from kinelog.phone.capture_files import Packet

SLACK_PACKETS = 2.0
"""By how much the clock may disagree: packets are stamped when the phone's side of the radio is ready for them."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A packet and its place.

    Attributes:
        number: From 0; unique in the capture.
        run: From 0; a new one where sequence and clock contradict each other.
    """

    packet: Packet
    number: int
    run: int


@dataclass(frozen=True, slots=True)
class Periods:
    """How long a packet lasts, in milliseconds: the shortest, the middle and the longest of a capture."""

    shortest: float
    middle: float
    longest: float


def distinct_in_time_order(packets: Iterable[Packet]) -> list[Packet]:
    """Each packet once (equal bytes are a retransmission), by the watch's clock, else in the order captured."""
    once: dict[bytes, Packet] = {}
    for packet in packets:
        once.setdefault(packet.data, packet)
    return sorted(once.values(), key=lambda packet: packet.timestamp_ms)


def number_packets(packets: Iterable[Packet]) -> list[Numbered]:
    """Number the distinct packets of a capture."""
    ordered = distinct_in_time_order(packets)
    periods = periods_of(ordered)
    numbered: list[Numbered] = []
    for packet in ordered:
        if not numbered:
            numbered.append(Numbered(packet, 0, 0))
            continue
        last = numbered[-1]
        steps = _steps(last.packet, packet, periods)
        if steps is None:
            numbered.append(Numbered(packet, last.number + 1, last.run + 1))
        else:
            numbered.append(Numbered(packet, last.number + steps, last.run))
    return numbered


def periods_of(packets: Sequence[Packet]) -> Periods:
    """How long the packets of a capture last; by their nominal rate where they do not say."""
    lasting = [packet.duration_ms or packet.samples * 1000 / packet.rate_hz for packet in packets]
    lasting = [duration for duration in lasting if duration > 0] or [1000.0]
    return Periods(min(lasting), median(lasting), max(lasting))


def _steps(before: Packet, packet: Packet, periods: Periods) -> int | None:
    """How many packets the watch sent between, by its sequence and by its clock; None when they disagree."""
    passed_ms = packet.timestamp_ms - before.timestamp_ms
    least = max(1.0, passed_ms / periods.longest - SLACK_PACKETS)
    most = passed_ms / periods.shortest + SLACK_PACKETS
    step = (packet.sequence - before.sequence) % 256
    wraps = max(0, round((passed_ms / periods.middle - step) / 256))
    fitting = [steps for steps in (step + 256 * turns for turns in (wraps, wraps + 1)) if least <= steps <= most]
    return fitting[0] if fitting else None
