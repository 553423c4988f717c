"""`python -m kinelog.service` is `kinelog`."""

from __future__ import annotations

from kinelog.service.cli import main
from kinelog.service.parent_watch import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    main(prog_name="kinelog")
