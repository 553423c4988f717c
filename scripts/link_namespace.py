"""Lay the folders of this checkout out as the namespace package they are installed as.

Makes `.dev/kinelog/<folder>` a link to each top-level folder that setup.cfg maps. With `PYTHONPATH=.dev` Python and
mypy see `kinelog.codecs` and the rest straight from the working tree: modules added a second ago included, which an
editable install in strict mode misses.
"""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Make the links; replace what is stale."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    namespace = ROOT / ".dev" / "kinelog"
    namespace.mkdir(parents=True, exist_ok=True)
    wanted = {}
    for line in config["options"]["package_dir"].strip().splitlines():
        package, folder = (part.strip() for part in line.split("="))
        name = package.removeprefix("kinelog.")
        if "." not in name:  # a sub-package comes along with its folder
            wanted[name] = ROOT / folder
    for link in namespace.iterdir():
        if link.is_symlink() and link.name not in wanted:
            link.unlink()
    for name, folder in wanted.items():
        link = namespace / name
        if not link.is_symlink():
            link.symlink_to(folder, target_is_directory=True)


if __name__ == "__main__":
    main()
