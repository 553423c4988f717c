"""`python -m kinelog.service` is `kinelog`."""

from __future__ import annotations

from kinelog.service.cli import main

if __name__ == "__main__":
    main(prog_name="kinelog")
