"""Say plainly when this Python is too old, or cannot make virtual environments, before anything else fails."""

import importlib.util
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what tells an older Python so
    sys.exit(f"Kinelog needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.12 run")
if importlib.util.find_spec("ensurepip") is None:
    sys.exit(
        "This Python cannot make virtual environments (ensurepip is missing). On Debian: apt-get install python3-venv"
    )
