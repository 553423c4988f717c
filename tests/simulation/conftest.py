"""Makes the simulator importable as `tests.simulation`, however the tests are started."""

from __future__ import annotations

import sys
from pathlib import Path

# Behind everything else on the path, so that the checkout's own folders (`codecs`!) shadow nothing.
sys.path.append(str(Path(__file__).resolve().parents[2]))
