"""The report is whole, the same for the same record, harmless whatever is written in it, and names nobody."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import msgspec
import pytest
from kinelog.ml.record_text import text_of
from kinelog.ml.report.page import render_report
from kinelog.ml.run_record import NightRecord, PersonScore, record_bytes, record_of
from typing_extensions import override

from tests.ml.report.made_records import HOSTILE, LABELS, made_record, night_before

VOID = {"meta", "link", "br"}


class Elements(HTMLParser):
    """Every element of a page, checked to be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.found if found == tag]


@pytest.fixture(scope="module")
def record() -> NightRecord:
    return made_record()


@pytest.fixture(scope="module")
def page(record: NightRecord) -> str:
    return render_report(record, night_before(record))


def test_equal_records_give_equal_bytes(record: NightRecord, page: str) -> None:
    assert render_report(record_of(record_bytes(record)), night_before(record)) == page


def test_the_page_holds_what_a_reader_looks_for(page: str) -> None:
    for words in (
        "simulated people", "clipped", "What changed since night-1", "the data are of <strong>f</strong>",
        "Smallest difference that could be seen", "The worst person first", "The worst label first", "Leaderboard",
        "Share of data preparation", "50 min", "promoted", "kept",
        "at most 600", "120, and 30 that confirm",
    ):  # fmt: skip
        assert words in page
    assert all(label in page for label in LABELS)


def test_a_winner_that_would_hardly_ever_answer_is_told_of_where_its_accuracy_stands(
    record: NightRecord, page: str
) -> None:
    assert "Rarely answers" not in page
    assert "Answered" in page
    scope = record.scopes[0]
    silent = [
        msgspec.structs.replace(one, metrics=msgspec.structs.replace(one.metrics, coverage=0.024))
        for one in scope.confirmation
    ]
    of_few_words = msgspec.structs.replace(scope, confirmation=tuple(silent))
    found = render_report(msgspec.structs.replace(record, scopes=(of_few_words,)))
    assert "sure enough of 2.4 % of the" in found
    assert "answers 2 %" in text_of(msgspec.structs.replace(record, scopes=(of_few_words,)))


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    elements = Elements(page)
    assert elements.named("script") == []
    for tag, attributes in elements.found:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,")), (tag, attributes)
    addresses = set(re.findall(r"https?://[^\"'\s<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "default-src 'none'" in page


def test_no_id_is_there_twice_and_every_reference_has_its_target(page: str) -> None:
    elements = Elements(page)
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements.found:
        for target in (attributes.get("aria-labelledby") or "").split():
            assert target in ids
        for name in ("href", "xlink:href"):
            if (attributes.get(name) or "").startswith("#"):
                assert (attributes[name] or "")[1:] in ids
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)


def test_every_plot_has_a_name_and_words_and_takes_its_colours_from_the_page(page: str) -> None:
    plots = Elements(page).named("svg")
    assert len(plots) == 2 * 3
    assert all(plot["role"] == "img" and plot["aria-labelledby"] for plot in plots)
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert "var(--mark)" in drawn
    assert re.findall(r"#[0-9a-f]{6}\b", drawn) == []


def test_every_table_has_a_caption_and_heads(page: str) -> None:
    assert page.count("<table") == page.count("<caption>") > 10
    assert all(head.get("scope") in ("col", "row") for head in Elements(page).named("th"))


def test_whatever_is_written_in_a_record_stays_text(record: NightRecord) -> None:
    scope = record.scopes[0]
    assert scope.confusion is not None
    assert record.dataset is not None
    hostile = msgspec.structs.replace(
        scope,
        cluster=HOSTILE,
        confusion=msgspec.structs.replace(scope.confusion, labels=(HOSTILE, *LABELS[1:])),
        confirmation=tuple(msgspec.structs.replace(one, name=HOSTILE) for one in scope.confirmation),
        warnings=(HOSTILE, "{{ 7 * 7 }}"),
        leaderboard=(msgspec.structs.replace(scope.leaderboard[0], settings={HOSTILE: HOSTILE}),),
    )
    changed = msgspec.structs.replace(
        record, run=HOSTILE, tenant=HOSTILE, scopes=(hostile,), state="failed", failure=HOSTILE,
        dataset=msgspec.structs.replace(record.dataset, note=HOSTILE, dropped={HOSTILE: 1}),
    )  # fmt: skip
    page = render_report(changed, night_before(record))
    assert "<script" not in page
    assert "{{ 7 * 7 }}" in page
    assert page.count("&lt;script&gt;") > 10
    Elements(page)


def test_labels_in_other_scripts_are_drawn(record: NightRecord) -> None:
    scope = record.scopes[0]
    assert scope.confusion is not None
    confusion = msgspec.structs.replace(scope.confusion, labels=("深蹲", "приседание", *LABELS[2:]))
    page = render_report(msgspec.structs.replace(record, scopes=(msgspec.structs.replace(scope, confusion=confusion),)))
    assert page.count("深蹲 1") == 1


def test_a_night_that_failed_before_anything_was_read_has_a_page() -> None:
    record = NightRecord("night-1", "alpine", "failed", 0, 0, "processes", "0", 0, 0, failure="no session is labelled")
    page = render_report(record)
    for words in ("The night failed.", "no session is labelled", "No data were read.", "No scope was fitted."):
        assert words in page


def test_a_scope_without_models_has_a_section(record: NightRecord) -> None:
    scope = msgspec.structs.replace(
        record.scopes[0], leaderboard=(), best_muvr=None, confirmation=(), confusion=None, reliability=(), classes=(),
        people=(), published=None,
    )  # fmt: skip
    page = render_report(msgspec.structs.replace(record, scopes=(scope,)))
    assert "Nothing is published for this scope." in page
    assert "<svg" not in page


def test_of_very_many_people_the_worst_are_listed(record: NightRecord) -> None:
    people = tuple(PersonScore(rank, 10, rank / 100) for rank in range(1, 61))
    page = render_report(
        msgspec.structs.replace(record, scopes=(msgspec.structs.replace(record.scopes[0], people=people),))
    )
    assert "The other 40 reach 21.0 % or more." in page
    assert "20.0 %" in page
