"""A small process that stands between the owner of a server and the server, so that one never outlives the other.

The owner holds the other end of the keeper's standard input. Each line is the number of a signal for the server; the
end of the input means that the owner is gone, `kill -9` included, and the server is killed. Should the keeper itself be
killed, the kernel kills the server (Linux). A death signal from the owner would not do: it comes when the owner's
*thread* ends.

    python keeper.py OUTPUT COMMAND…
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the command, pass signals on, and give its exit code (negative: the signal that ended it)."""
    output, command = Path(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the owner says when the server ends
    with output.open("ab") as file:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            preexec_fn=_be_a_server,  # noqa: PLW1509 - no thread runs yet
        )
    print(server.pid, flush=True)
    threading.Thread(target=_obey, args=(server,), daemon=True).start()
    return server.wait()


def _be_a_server() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # ignored signals are inherited; Java would then ignore them too
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _obey(server: subprocess.Popen[bytes]) -> None:
    for line in sys.stdin:
        server.send_signal(int(line))
    server.kill()


if __name__ == "__main__":
    sys.exit(main() % 256)
