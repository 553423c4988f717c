"""What README promises of `make run`: a link to the gym, people who train in it, a `curl` that posts a frame."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.documents.documents import ROOT, blocks
from tests.pages.browser import start_chromium
from tests.system.running_service import KINELOG, environment

pytestmark = pytest.mark.browser

PATIENCE_S = 60
LAST_LINE = "Stop with Ctrl-C."


@dataclass(frozen=True)
class Demo:
    """What `kinelog demo` printed, and the folder that it was started in."""

    printed: str
    folder: Path

    @property
    def page(self) -> str:
        """The link to the operator's page."""
        link = re.search(r"http\S+/sign-in#\S+", self.printed)
        assert link, self.printed
        return link[0]

    @property
    def curl(self) -> str:
        """The command that posts a frame."""
        return self.printed[self.printed.index("curl ") : self.printed.index("\n\nStop")]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo of three people; it ends well when it is told to."""
    process = subprocess.Popen(
        [*KINELOG, "demo", "--data", ".data", "--port", "0", "--users", "3"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if LAST_LINE in line:
                break
        yield Demo("".join(lines), tmp_path)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """A browser that knows nobody."""
    made = start_chromium(tmp_path / "chromium")
    yield made
    made.quit()


def test_the_demo_is_what_the_readme_shows(demo: Demo, chromium: webdriver.Chrome) -> None:
    assert as_in_the_readme(demo.printed) == printed_in_the_readme()
    wait = WebDriverWait(chromium, PATIENCE_S)

    def text() -> str:
        return str(chromium.execute_script("return document.body.innerText"))

    chromium.get(demo.page)
    wait.until(lambda _: "Main Street Gym" in text(), "the list of gyms did not come")
    chromium.find_element(By.LINK_TEXT, "Main Street Gym").click()
    # By itself, without loading again: three simulated people, and the reader.
    wait.until(lambda _: "4 people are training now." in text())
    first = frames_shown(text())
    wait.until(lambda _: frames_shown(text()) > first)

    assert [run_curl(demo), run_curl(demo)] == [("201", "stored"), ("200", "duplicate")]
    chromium.find_element(By.LINK_TEXT, "curious-reader").click()
    wait.until(lambda _: "Session of curious-reader" in text())

    def frame_listed(driver: webdriver.Chrome) -> bool:
        driver.refresh()  # a session's page does not load itself again
        return re.search(r"my-watch\s+1\s+0\s+", text()) is not None

    wait.until(frame_listed)
    wait.until(lambda _: "every sample" in text())


def frames_shown(page: str) -> int:
    """Sum of the frames of those who train now."""
    return sum(int(frames) for frames in re.findall(r"^sim-\S+\t.*?\t.*?\t\d+\t(\d+)\t", page, re.MULTILINE))


def run_curl(demo: Demo) -> tuple[str, str]:
    """Paste the command into a shell; the status and what became of the frame."""
    answer = subprocess.run(
        ["/bin/bash", "-c", demo.curl], cwd=demo.folder, capture_output=True, text=True, check=True, timeout=30
    ).stdout
    status, outcome = re.search(r"^HTTP/\S+ (\d+)", answer), re.search(r'"status":\s*"(\w+)"', answer)
    assert status, answer
    assert outcome, answer
    return status[1], outcome[1]


def as_in_the_readme(printed: str) -> str:
    """With the port of the default, and what is drawn anew each time left out."""
    printed = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:8080", printed)
    printed = re.sub(r"kl\.demo\.[\w.-]+", "kl.demo.…", printed)
    return re.sub(r"/sessions/[0-9a-f-]{36}/", "/sessions/…/", printed)


def printed_in_the_readme() -> str:
    return next(block.text for block in blocks(ROOT / "README.md") if block.language == "text")
