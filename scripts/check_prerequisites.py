"""Say plainly which programs the test suite needs and this machine lacks."""

import shutil
import sys

NEEDED = {
    "curl": "the documents' commands are run (Debian: apt-get install curl)",
    "promtool": "alerts are tested (Debian: apt-get install prometheus; only its promtool is needed)",
    "chromium": "the operator's page is tested in a real browser (Debian: apt-get install chromium)",
    "chromedriver": "drives the browser (Debian: apt-get install chromium-driver)",
    "gcc": "the device's evaluator is C (Debian: apt-get install gcc libc6-dev)",
    "g++": "its header is C++, too (Debian: apt-get install g++)",
    "java": "a real Cassandra and ZooKeeper are started (Debian: apt-get install openjdk-17-jre-headless)",
    "mvn": "fetches Cassandra and ZooKeeper, once (Debian: apt-get install maven)",
}

missing = [f"  {program}: {why}" for program, why in NEEDED.items() if shutil.which(program) is None]
if missing:
    sys.exit("`make test` needs programs that are not here:\n" + "\n".join(missing))
