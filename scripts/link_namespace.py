"""Lay the folders of this checkout out as the namespace package they are installed as.

Makes `.dev/kinelog/<folder>` a link to each top-level folder that setup.cfg maps. With `PYTHONPATH=.dev` Python and
mypy see `kinelog.codecs` and the rest straight from the working tree: modules added a second ago included, which an
editable install in strict mode misses. `tests`, `benchmarks`, `scripts`, `cassandra_server` and `zookeeper_server` are
linked beside it, so that mypy knows each test module by its full name.
"""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Make the links; replace what is stale."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    links = {
        ROOT / ".dev" / folder: ROOT / folder
        for folder in ("tests", "benchmarks", "scripts", "cassandra_server", "zookeeper_server")
    }
    for line in config["options"]["package_dir"].strip().splitlines():
        package, folder = (part.strip() for part in line.split("="))
        if package.count(".") == 1:  # a sub-package comes along with its folder
            links[ROOT / ".dev" / package.replace(".", "/")] = ROOT / folder
    namespace = ROOT / ".dev" / "kinelog"
    namespace.mkdir(parents=True, exist_ok=True)
    for stale in set(namespace.iterdir()) - set(links):
        if stale.is_symlink():
            stale.unlink()
    for link, folder_path in links.items():
        if not link.is_symlink():
            link.symlink_to(folder_path, target_is_directory=True)


if __name__ == "__main__":
    main()
