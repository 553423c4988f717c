"""`stopped_at SIGN COMMAND…`: run a command that does not end until it prints SIGN, then ask it to stop.

Exits 0 if SIGN was seen and the command ended well (a command that leaves SIGTERM to the system counts), else 1.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys


def main(sign: str, command: list[str]) -> int:
    """Run it; 0 if it came to work and stopped when asked."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.search(sign, line):
                process.send_signal(signal.SIGTERM)
                process.stdout.read()
                return 0 if process.wait() in (0, -signal.SIGTERM) else 1
    print(f"ended with {process.returncode} before it printed {sign!r}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
