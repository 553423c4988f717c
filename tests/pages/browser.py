"""Starts the headless Chromium that tests look at pages with."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,1000",
)  # fmt: skip


def start_chromium(profile: Path) -> webdriver.Chrome:
    """A browser whose profile lies in an empty folder; quit it afterwards."""
    options = webdriver.ChromeOptions()
    options.binary_location = _program("KINELOG_CHROMIUM", "chromium", "chromium-browser", "google-chrome")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, Service(_program("KINELOG_CHROMEDRIVER", "chromedriver", "chromium-driver")))


def _program(variable: str, *names: str) -> str:
    """Where a program is; a test that needs a browser fails plainly where there is none."""
    chosen = os.environ.get(variable) or next((found for name in names if (found := shutil.which(name))), None)
    if chosen is None or not Path(chosen).is_file():
        pytest.fail(f"the browser tests need {names[0]}: install it (apt-get install {names[0]}) or set {variable}")
    return chosen
