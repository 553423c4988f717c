"""The pages in a real, headless Chromium: by keyboard, live, without an error, a policy violation or another host."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import pytest
from kinelog.projections.rows import SessionRow
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.pages.browser import start_chromium

if TYPE_CHECKING:
    from tests.pages.conftest import Floor

pytestmark = pytest.mark.browser

TOKEN = "kl.alpine.t1." + "a" * 43
SESSION = "11111111-1111-4111-8111-111111111111"
PATIENCE_S = 30


def log_of(driver: webdriver.Chrome, kind: str) -> list[dict[str, str]]:
    """What was logged since the last time."""
    entries: list[dict[str, str]] = driver.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def half(span: tuple[float, float]) -> float:
    return (span[1] - span[0]) / 2


class Browser:
    """A Chromium and what a person at the keyboard does with it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def wait(self, condition: Callable[[], object], what: str) -> None:
        try:
            # The page may be replaced between finding an element and reading it: that is not yet the page waited for.
            waiting = WebDriverWait(self.driver, PATIENCE_S, ignored_exceptions=[StaleElementReferenceException])
            waiting.until(lambda _: condition())
        except TimeoutException:
            pytest.fail(f"not seen: {what}; the page says: {self.text}")

    @property
    def text(self) -> str:
        return self.driver.find_element(By.TAG_NAME, "body").text

    @property
    def focused(self) -> str:
        """Id of what has the focus, asked in one go: the page may replace it, and give it the focus again."""
        return str(self.driver.execute_script("return document.activeElement.id"))

    def press(self, *keys: str) -> None:
        """To whatever has the focus when they come, as a keyboard does."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, selector: str) -> None:
        """Press Tab until what the selector names has the focus."""
        for _ in range(80):
            if self.driver.execute_script("return document.activeElement.matches(arguments[0])", selector):
                return
            webdriver.ActionChains(self.driver).send_keys(Keys.TAB).perform()
        pytest.fail(f"the Tab key never reaches {selector}")

    def sign_in(self, floor: Floor, path: str = "/") -> None:
        self.driver.get(f"{floor.url}/sign-in?next={path}#token={TOKEN}")
        self.wait(lambda: self.driver.current_url == floor.url + path, path)

    def shown_range(self) -> tuple[float, float]:
        start, end = (self.driver.find_element(By.ID, "plot").get_attribute(f"data-{name}") for name in ("from", "to"))
        return float(start or 0), float(end or 0)

    def points_drawn(self) -> int:
        """Corners of the lines that the browser has really drawn."""
        script = "return [...document.querySelectorAll('#plot path.js-line')].map(p => p.getAttribute('d')).join('')"
        return str(self.driver.execute_script(script)).count("L")


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    made = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield made
    made.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome, floor: Floor) -> Iterator[Browser]:
    """A browser that is not signed in; afterwards: nothing complained, and nothing went to another host."""
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    log_of(driver, "browser")
    log_of(driver, "performance")
    yield Browser(driver)
    complaints = [entry for entry in log_of(driver, "browser") if entry["level"] in ("SEVERE", "WARNING")]
    messages = [json.loads(entry["message"])["message"] for entry in log_of(driver, "performance")]
    driver.get("about:blank")
    assert complaints == []
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    over_the_net = [url for url in asked if urlsplit(url).scheme not in ("data", "blob", "about")]
    assert over_the_net
    assert {urlsplit(url).netloc for url in over_the_net} == {urlsplit(floor.url).netloc}


def test_signing_in_and_out_by_keyboard(browser: Browser, floor: Floor) -> None:
    browser.driver.get(floor.url + "/gyms/vienna")
    browser.wait(lambda: "Operator token" in browser.text, "the form")
    browser.tab_to("#token")
    browser.press(TOKEN, Keys.ENTER)
    browser.wait(lambda: "Training now" in browser.text, "the page that was asked for at first")
    assert browser.driver.execute_script("return document.cookie") == ""
    browser.tab_to("form.out button")
    browser.press(Keys.ENTER)
    browser.wait(lambda: "Operator token" in browser.text, "the form again")
    browser.driver.get(floor.url + "/")
    assert urlsplit(browser.driver.current_url).path == "/sign-in"


def test_a_sign_in_link_works_and_leaves_no_token_in_address_or_page(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor, "/gyms/vienna")
    assert TOKEN not in browser.driver.current_url
    assert TOKEN not in browser.driver.page_source
    browser.driver.back()
    assert TOKEN not in browser.driver.current_url
    browser.sign_in(floor, "/")
    assert TOKEN not in browser.driver.current_url


def test_training_now_updates_by_itself_and_keeps_the_focus(
    browser: Browser, floor: Floor, session_row: Callable[..., SessionRow]
) -> None:
    browser.sign_in(floor, "/gyms/vienna")
    browser.wait(lambda: "Live: this page updates by itself" in browser.text, "the live stream")
    link = "#training tbody tr:last-child a"
    browser.tab_to(link)
    focused = browser.focused
    floor.views.sessions.append(session_row(2, "c" * 32))
    floor.names["c" * 32] = "grace"
    floor.push("started")
    browser.wait(lambda: "3 people are training now." in browser.text, "the third person")
    browser.wait(lambda: "grace" in browser.driver.find_element(By.ID, "training").text, "her name")
    assert browser.focused == focused
    floor.views.sessions[:] = [msgspec.structs.replace(row, status="ended") for row in floor.views.sessions]
    floor.push("ended")
    browser.wait(lambda: "Nobody is training at the moment." in browser.text, "the empty floor")
    status = browser.driver.find_element(By.ID, "announcement")
    assert status.get_attribute("aria-live") == "polite"
    assert status.text == "0 people are training now."


def test_a_revoked_operator_is_led_to_the_sign_in_page(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor, "/gyms/vienna")
    browser.wait(lambda: "Live: this page updates by itself" in browser.text, "the live stream")
    floor.operators.clear()
    floor.push("started")
    browser.wait(lambda: "Operator token" in browser.text, "the form")


def test_a_session_is_opened_and_its_trace_zoomed_with_nothing_but_keys(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor)
    browser.tab_to("tbody a[href='/gyms/vienna']")
    browser.press(Keys.ENTER)
    browser.wait(lambda: "Sessions today" in browser.text, "the gym")
    browser.tab_to(f"#sessions a[href^='/sessions/{SESSION}']")
    browser.press(Keys.ENTER)
    browser.wait(lambda: "In view:" in browser.text, "the trace")
    browser.wait(lambda: browser.points_drawn() > 1000, "lines of the trace")
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#plot .ytick")) == 3
    assert "Set 1" in browser.driver.find_element(By.ID, "plot").text
    assert "sets 1, 2; 1 gap" in browser.text
    whole = browser.shown_range()
    browser.tab_to("#zoom-in")
    browser.press(Keys.ENTER)
    browser.wait(lambda: browser.shown_range()[1] - browser.shown_range()[0] < 0.51 * (whole[1] - whole[0]), "a zoom")
    browser.tab_to("#plot")
    browser.press("+++")
    browser.wait(
        lambda: browser.driver.find_element(By.ID, "plot").get_attribute("data-detail") == "samples", "samples"
    )
    detail = browser.shown_range()
    browser.press(Keys.ARROW_LEFT)
    browser.wait(lambda: browser.shown_range() == (detail[0] - half(detail), detail[1] - half(detail)), "a move")
    browser.press("0")
    browser.wait(lambda: browser.shown_range() == whole, "the whole session")


def test_a_set_in_the_table_leads_to_its_place_in_the_trace(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor, f"/sessions/{SESSION}")
    browser.wait(lambda: "In view:" in browser.text, "the trace")
    browser.tab_to("a.show-set")
    browser.press(Keys.ENTER)
    browser.wait(lambda: "; set 1; 1 gap" in browser.text, "the first set and the gap after it, alone")


def test_another_sensor_can_be_chosen_and_gaps_are_breaks(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor, f"/sessions/{SESSION}")
    browser.wait(lambda: "In view:" in browser.text, "the trace")
    browser.wait(lambda: browser.points_drawn() > 1000, "lines of the trace")
    Select(browser.driver.find_element(By.ID, "stream")).select_by_index(1)
    browser.wait(lambda: "90 to 129 bpm" in browser.driver.find_element(By.ID, "shown").text, "the heart rate")
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#plot path.js-line")) == 2


def test_frames_alone_refresh_the_page_too(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor, "/gyms/vienna")
    browser.wait(lambda: "Live: this page updates by itself" in browser.text, "the live stream")
    floor.names["a" * 32] = "renamed"
    floor.push("frame")
    browser.wait(lambda: "renamed" in browser.text, "the new name, from a frame's event")


def test_a_narrow_screen_scrolls_its_tables_and_not_the_page(browser: Browser, floor: Floor) -> None:
    browser.sign_in(floor, f"/sessions/{SESSION}")
    browser.wait(lambda: "In view:" in browser.text, "the trace")
    size = browser.driver.get_window_size()
    try:
        browser.driver.set_window_size(500, 900)
        script = "return document.documentElement.scrollWidth <= window.innerWidth"
        browser.wait(lambda: browser.driver.execute_script(script), "a page as narrow as the screen")
    finally:
        browser.driver.set_window_size(size["width"], size["height"])
