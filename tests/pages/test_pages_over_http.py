"""The pages as HTTP sees them: what they say, whom they let in, and that hostile names stay text."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest
from kinelog.api.page_sources import Operator
from kinelog.domain.values import Role
from kinelog.projections.errors import ViewsUnavailableError
from kinelog.projections.rows import SessionRow
from typing_extensions import override

if TYPE_CHECKING:
    from tests.pages.conftest import Floor

TOKEN = "kl.alpine.t1." + "a" * 43
SESSION = "11111111-1111-4111-8111-111111111111"
SHARED = "33333333-3333-4333-8333-333333333333"
ADA = "a" * 32
NOBODY = "99999999-9999-4999-8999-999999999999"
PAGES = [
    "/",
    "/gyms/vienna",
    "/gyms/vienna?day=2026-02-28",
    "/gyms/evil",
    f"/sessions/{SESSION}",
    f"/sessions/{SHARED}",
]
HOSTILE = "<script>alert('x')</script>\"&"
VOID = {"meta", "link", "input", "br", "col", "img", "hr"}


class Parsed(HTMLParser):
    """A page's elements and text; refuses elements that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute of <{tag}> is given twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("path", [*PAGES, "/sign-in"])
def test_every_page_is_well_formed_and_accessible(floor: Floor, path: str) -> None:
    page = Parsed((floor.ask(path) if path == "/sign-in" else floor.page(path)).text)
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(header.get("scope") in {"col", "row", "colgroup"} for header in page.all("th"))
    labels = {label["for"] for label in page.all("label")}
    fields = [field for field in [*page.all("input"), *page.all("select")] if field.get("type") != "hidden"]
    assert all(field["id"] in labels for field in fields)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    pointed = [attributes.get("aria-labelledby", "").split() for _, attributes in page.elements]
    assert {name for names in pointed for name in names} <= set(ids)


@pytest.mark.parametrize("path", [*PAGES, "/sign-in"])
def test_no_page_names_another_host_or_carries_inline_code(floor: Floor, path: str) -> None:
    html = (floor.ask(path) if path == "/sign-in" else floor.page(path)).text
    page = Parsed(html)
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", (tag, value)
            if name in {"href", "src", "action", "data-now", "data-live", "data-trace"}:
                assert value[0] in "/?#", (tag, name, value)
                assert not value.startswith("//"), (tag, name, value)
        if tag == "script":
            assert "src" in attributes
    assert "style" not in page.open
    assert page.all("style") == []
    assert "http://" not in html
    assert "https://" not in html


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/gyms/nowhere", "/nothing"])
def test_every_page_carries_the_headers_that_keep_it_safe(floor: Floor, path: str) -> None:
    headers = floor.page(path).headers if path != "/sign-in" else floor.ask(path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_hostile_names_stay_text(floor: Floor, path: str) -> None:
    answer = floor.page(path)
    assert "<script>alert" not in answer.text
    assert HOSTILE in Parsed(answer.text).text


def test_the_gym_says_who_trains_now_and_what_happened_today(floor: Floor) -> None:
    text = Parsed(floor.page("/gyms/vienna").text).text
    assert "2 people are training now." in text
    assert "<script>alert('x')</script>\"&" in text
    assert "3 sessions 2 people 7 sets 1 with missing frames" in text
    assert "13:10:00 ada ended 13:15:00 3 297 3 2" in text
    assert "As of 2026-03-01 13:30:00 (Europe/Vienna), log position 42." in text


def test_an_older_day_shows_its_own_sessions_and_does_not_update(floor: Floor) -> None:
    page = Parsed(floor.page("/gyms/vienna?day=2026-02-28").text)
    assert "Sessions on 2026-02-28" in page.text
    assert "fell silent" in page.text
    assert "Training now" not in page.text
    assert not any("gym.js" in script["src"] for script in page.all("script"))


def test_a_long_day_goes_on_behind_a_link_without_losing_or_repeating_a_session(
    floor: Floor, session_row: Callable[..., SessionRow]
) -> None:
    floor.views.sessions = [session_row(number) for number in range(1, 451)]
    seen: list[str] = []
    path = "/gyms/vienna"
    while path:
        page = Parsed(floor.page(path).text)
        seen += [link["id"] for link in page.all("a") if link.get("id", "").startswith("day-")]
        more = [link["href"] for link in page.all("a") if "after=" in link.get("href", "")]
        path = "/gyms/vienna" + more[0] if more else ""
    assert len(seen) == len(set(seen)) == 450


def test_the_changing_part_alone_is_what_the_whole_page_holds(floor: Floor) -> None:
    cookie = floor.sign_in()
    part = floor.ask("/gyms/vienna/now", Cookie=cookie).text
    assert part.lstrip().startswith("<section")
    assert part.strip() in floor.ask("/gyms/vienna", Cookie=cookie).text


def test_a_session_shows_sets_frames_rejects_and_the_trace_in_numbers(floor: Floor) -> None:
    text = Parsed(floor.page(f"/sessions/{SESSION}").text).text
    assert "biceps curl (arms) at cable-2 10 12.5 0.6 93 % device not corrected" in text
    assert "8 (changed)" in text
    assert "removed: this was no set" in text
    assert "watch 297 3 99 % 130 to 132 2" in text
    assert "Bad magic no layout begins like this 0 312" in text
    assert "Another frame had this number already" in text
    assert "accelerometer of watch, left-wrist 13:10:00 13:15:00 4 min 57 s 14850 50 Hz 1 3 s" in text
    assert "Europe/Vienna (UTC+01:00)" in text


def test_a_session_without_anything_says_so(floor: Floor, session_row: Callable[..., SessionRow]) -> None:
    floor.views.sessions = [session_row(1, frames={}, gym=None)]
    text = Parsed(floor.page("/sessions/" + floor.views.sessions[0].session).text).text
    for words in ("No set was labelled", "No samples of this session", "No frame has come", "Every frame that came"):
        assert words in text


def test_an_open_session_and_lost_samples_are_pointed_out(floor: Floor, session_row: Callable[..., SessionRow]) -> None:
    floor.views.sessions = [session_row(1, short_blocks=2)]
    text = Parsed(floor.page("/sessions/" + floor.views.sessions[0].session).text).text
    assert "This session is going on." in text
    assert "2 blocks hold fewer samples than the time they lasted" in text


def test_two_people_with_one_session_id_are_told_apart(floor: Floor) -> None:
    answer = floor.page(f"/sessions/{SHARED}")
    assert answer.status == 300
    assert len([link for link in Parsed(answer.text).all("a") if "person=" in link["href"]]) == 2
    assert floor.page(f"/sessions/{SHARED}?person={ADA}").status == 200
    assert floor.page(f"/pages/sessions/{SHARED}/trace.json").status == 409


def test_the_trace_is_light_and_zooming_brings_every_sample(floor: Floor) -> None:
    address = f"/pages/sessions/{SESSION}/trace.json"
    answer = floor.page(address)
    whole = json.loads(answer.text)
    assert answer.headers["Content-Type"] == "application/json"
    assert len(answer.body) < 200_000
    acceleration, heart = whole["streams"]
    assert acceleration["envelope"]
    assert not heart["envelope"]
    assert None in acceleration["t"]
    start = whole["from_ms"] - whole["shift_ms"]
    part = json.loads(floor.page(f"{address}?from={start + 10_000}&to={start + 11_000}").text)
    assert not part["streams"][0]["envelope"]
    assert len(part["streams"][0]["t"]) == 50
    assert whole["shift_ms"] == 3_600_000


@pytest.mark.parametrize(
    "query", ["from=1", "to=1", "from=2&to=1", "from=1&to=1", "from=x&to=9", f"from=1&to={10**30}", "from=-1&to=2"]
)
def test_a_range_that_makes_no_sense_is_a_bad_request(floor: Floor, query: str) -> None:
    assert floor.page(f"/pages/sessions/{SESSION}/trace.json?{query}").status == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/gyms/nowhere", 404), (f"/sessions/{NOBODY}", 404), ("/sessions/../etc", 404), ("/sessions/x%00y", 404),
        ("/gyms/vienna?day=yesterday", 400), ("/gyms/vienna?after=1.2", 400), ("/nothing", 404),
        (f"/gyms/vienna?after={'9' * 30}.{ADA}.{SESSION}", 400), (f"/sessions/{SESSION}?person=%3Cb%3E", 404),
        ("/static/pages.py", 404), ("/static/..%2Fpages.py", 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_without_a_stack_trace(floor: Floor, path: str, status: int) -> None:
    answer = floor.page(path)
    assert answer.status == status
    assert "Traceback" not in answer.text
    if not path.startswith("/static"):
        page = Parsed(answer.text)
        assert len(page.all("h1")) == 1
        assert "All gyms" in page.text


def test_a_script_gets_no_html_for_an_error(floor: Floor) -> None:
    assert "<html" not in floor.ask("/gyms/nowhere", Cookie=floor.sign_in(), Accept="application/json").text


def test_an_unavailable_service_says_so_and_when_to_come_back(floor: Floor) -> None:
    cookie = floor.sign_in()
    floor.available = False
    answer = floor.ask("/gyms/vienna", Cookie=cookie, Accept="text/html")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert "Nothing is lost" in Parsed(answer.text).text
    assert '<meta http-equiv="refresh" content="2">' in answer.text


def test_a_page_that_is_not_there_does_not_load_itself_again(floor: Floor) -> None:
    assert "refresh" not in floor.page("/gyms/nowhere").text


@pytest.mark.parametrize("path", [*PAGES, "/gyms/vienna/now", f"/pages/sessions/{SESSION}/trace.json"])
def test_nobody_sees_anything_without_signing_in(floor: Floor, path: str) -> None:
    answer = floor.ask(path, Accept="text/html")
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/sign-in?next=/")
    assert "ada" not in answer.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(floor: Floor) -> None:
    cookie = floor.post("/sign-in", {"token": TOKEN}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert "Secure" in floor.post("/sign-in", {"token": TOKEN}, X_Forwarded_Proto="https").headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["", "x", TOKEN + "x", "k" * 600])
def test_a_wrong_token_is_refused_and_not_shown_again(floor: Floor, token: str) -> None:
    answer = floor.post("/sign-in", {"token": token})
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    assert "Not signed in." in Parsed(answer.text).text
    assert len(token) < 2 or token not in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://127.0.0.1:1"}]
)
def test_a_form_of_another_origin_is_refused(floor: Floor, path: str, headers: dict[str, str]) -> None:
    answer = floor.post(path, {"token": TOKEN}, **headers)
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "location"),
    [
        ("/gyms/vienna", "/gyms/vienna"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ("https://evil.example", "/"), ("/x\r\nSet-Cookie: a=b", "/"), ("", "/"),
    ],
)  # fmt: skip
def test_after_signing_in_one_goes_on_inside_the_service_only(floor: Floor, wanted: str, location: str) -> None:
    assert floor.post("/sign-in", {"token": TOKEN, "next": wanted}).headers["Location"] == location


def test_a_huge_form_is_refused_before_it_is_read(floor: Floor) -> None:
    assert floor.post("/sign-in", {"token": "x" * 20_000}).status == 413


def test_signing_out_ends_the_cookie_itself(floor: Floor) -> None:
    cookie = floor.sign_in()
    answer = floor.post("/sign-out", {}, Cookie=cookie)
    assert answer.status == 303
    assert 'kinelog_page=""' in answer.headers["Set-Cookie"]
    assert floor.ask("/", Cookie=cookie).status == 303


def test_signing_out_that_cannot_be_written_down_keeps_the_cookie_to_be_tried_again(floor: Floor) -> None:
    cookie = floor.sign_in()
    floor.available = False
    answer = floor.post("/sign-out", {}, Cookie=cookie)
    assert answer.status == 503
    assert "Set-Cookie" not in answer.headers
    floor.available = True
    assert floor.ask("/", Cookie=cookie).status == 200


def test_a_revoked_token_ends_its_pages_at_once(floor: Floor) -> None:
    cookie = floor.sign_in()
    assert floor.ask("/", Cookie=cookie).status == 200
    del floor.operators[TOKEN]
    assert floor.ask("/", Cookie=cookie).status == 303


def test_another_tenants_operator_sees_nothing_of_this_one(floor: Floor) -> None:
    floor.operators[TOKEN] = Operator("rival", "t9", Role.OWNER)
    assert floor.page(f"/sessions/{SESSION}").status == 404
    assert "ada" not in floor.page("/gyms/vienna").text


def test_the_front_desk_sees_who_is_there_and_opens_no_session(floor: Floor) -> None:
    floor.operators[TOKEN] = Operator("alpine", "t2", Role.FRONT_DESK)
    page = Parsed(floor.page("/gyms/vienna").text)
    assert "ada" in page.text
    assert not any("/sessions/" in link["href"] for link in page.all("a"))
    for path in (f"/sessions/{SESSION}", f"/sessions/{SHARED}", f"/pages/sessions/{SESSION}/trace.json"):
        answer = floor.page(path)
        assert answer.status == 403
        assert ADA not in answer.text


def test_a_person_who_does_not_consent_is_not_shown_and_the_page_says_why(floor: Floor) -> None:
    floor.refused[ADA] = "The person has not consented"
    for path in (f"/sessions/{SESSION}", f"/sessions/{SHARED}?person={ADA}", f"/pages/sessions/{SESSION}/trace.json"):
        answer = floor.page(path)
        assert answer.status == 403
        assert "The person has not consented" in answer.text
    assert floor.page(f"/sessions/{SHARED}?person={'b' * 32}").status == 200


def test_views_that_cannot_be_read_are_a_page_that_says_try_again(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise ViewsUnavailableError

    monkeypatch.setattr(floor.views, "training_now", unavailable)
    answer = floor.page("/gyms/vienna")
    assert answer.status == 503
    assert "Nothing is lost" in Parsed(answer.text).text
    assert floor.ask("/gyms/vienna/now", Cookie=floor.sign_in()).status == 503


def test_a_missing_name_never_hides_a_session(floor: Floor) -> None:
    floor.names.clear()
    assert "unnamed aaaaaaaa" in floor.page("/gyms/vienna").text


@pytest.mark.parametrize("name", ["plotly.min.js", "site.css", "gym.js", "trace.js", "sign_in.js", "icon.svg"])
def test_static_files_are_packed_tagged_and_kept(floor: Floor, name: str) -> None:
    plain = floor.ask(f"/static/{name}")
    packed = floor.ask(f"/static/{name}", Accept_Encoding="gzip")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Cache-Control"] == "no-cache"
    version = plain.headers["ETag"].strip('"')
    assert "immutable" in floor.ask(f"/static/{name}?v={version}").headers["Cache-Control"]
    again = floor.ask(f"/static/{name}", Accept_Encoding="gzip", If_None_Match=packed.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


def test_the_live_stream_takes_the_cookie_and_changing_anything_does_not(floor: Floor) -> None:
    assert floor.ask("/v1/gyms/vienna/live").status == 401
    assert floor.ask("/v1/gyms/vienna/live", "POST", Cookie=floor.sign_in()).status == 405
    assert floor.ask("/v1/gyms/vienna/live", "HEAD", Cookie=floor.sign_in()).status == 200


def test_pages_render_whatever_a_label_holds(floor: Floor) -> None:
    sets = floor.views.sets_of[SESSION]
    odd = {"exercise": None, "repetitions": "<b>", "weight_kg": True}
    sets[0] = msgspec.structs.replace(sets[0], detected=odd, corrected={"intensity": 1}, confidence=None)
    assert floor.page(f"/sessions/{SESSION}").status == 200
