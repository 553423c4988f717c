"""The report opens from a file in a real Chromium: no request, no complaint, its plots drawn, in the light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinelog.ml.report.page import render_report
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.ml.report.made_records import made_record, night_before
from tests.pages.browser import start_chromium

pytestmark = pytest.mark.browser

PATIENCE_S = 30


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    record = made_record()
    path: Path = tmp_path_factory.mktemp("report") / "night.html"
    path.write_text(render_report(record, night_before(record)), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    made = start_chromium(tmp_path_factory.mktemp("chromium"))
    yield made
    made.quit()


def log_of(driver: webdriver.Chrome, kind: str) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = driver.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def test_it_opens_without_a_request_or_a_complaint(driver: webdriver.Chrome, report: str) -> None:
    log_of(driver, "performance")
    driver.get(report)
    assert driver.title.startswith("Night night-2")
    assert [entry for entry in log_of(driver, "browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    messages = [json.loads(entry["message"])["message"] for entry in log_of(driver, "performance")]
    asked = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith("data:")] == [report]


def test_plots_and_tables_fit_and_the_page_does_not_scroll_sideways(driver: webdriver.Chrome, report: str) -> None:
    for width in (1200, 400):
        driver.set_window_size(width, 900)
        driver.get(report)
        plots = driver.find_elements(By.TAG_NAME, "svg")
        assert len(plots) == 6
        assert all(plot.size["width"] > 100 and plot.size["height"] > 50 for plot in plots)
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert driver.execute_script(wide) <= 0


def test_in_the_dark_the_plots_take_the_dark_colours(driver: webdriver.Chrome, report: str) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        driver.get(report)
        colour = "return [...document.querySelectorAll('svg text')].map(t => getComputedStyle(t).fill)[0]"
        ground = "return getComputedStyle(document.documentElement).backgroundColor"
        seen.add((driver.execute_script(colour), driver.execute_script(ground)))
    assert seen == {("rgb(26, 33, 28)", "rgb(246, 247, 245)"), ("rgb(232, 237, 233)", "rgb(18, 22, 19)")}


def test_a_table_wider_than_the_screen_is_scrolled_with_keys(driver: webdriver.Chrome, report: str) -> None:
    driver.set_window_size(400, 900)
    driver.get(report)
    too_wide = "return [...document.querySelectorAll('.table')].find(t => t.scrollWidth > t.clientWidth + 50)"
    region = driver.execute_script(too_wide)
    driver.execute_script("arguments[0].focus()", region)
    assert driver.switch_to.active_element == region
    region.send_keys(Keys.ARROW_RIGHT)
    moved = "return arguments[0].scrollLeft > 0"
    WebDriverWait(driver, PATIENCE_S).until(lambda _: driver.execute_script(moved, region))
