"""What a fit may cost, however many sets there are: epochs and copies become fewer where examples become many.

Genomes say how many epochs they want and how many copies of an example are made; both were chosen on a hundred sets,
where a network needs steps and has few examples to take them with. Of thousands of sets each epoch has more steps, and
each copy teaches less. So a fit sees no more examples than `EXAMPLES_SEEN`, and no more windows are laid down for it
than `WINDOWS_LAID_DOWN`; a pool of few sets is trained as its genomes say, to the last bit.

Both follow from the genome and the data alone, so a fit is the same wherever and beside whatever it is trained.
"""

from __future__ import annotations

import math
from typing import Final

EXAMPLES_SEEN: Final = 300_000
"""In all epochs of a fit: 400 epochs of 750 sets, 75 of 4 000."""
EPOCHS_AT_LEAST: Final = 20
"""Where there are so many sets that the budget allows fewer: each example is to come up more than once or twice."""
WINDOWS_LAID_DOWN: Final = 1 << 16
"""Of one sensor each, for one genome: 48 of each of 1 365 sets of one sensor, sixteen of 4 000."""
WINDOWS_AT_LEAST: Final = 8
"""Of an example, however many there are."""


def epochs_run(wanted: int, examples: int) -> int:
    """How many epochs a fit has.

    Args:
        wanted: By its genome.
        examples: That it trains on.
    """
    return min(wanted, max(EPOCHS_AT_LEAST, math.ceil(EXAMPLES_SEEN / examples)))


def windows_at_most(examples: int, sites: int) -> int:
    """How many windows of an example may be laid down, over all the places where they end; never fewer than eight.

    Args:
        examples: Of the pool.
        sites: Of the pool.
    """
    return max(WINDOWS_AT_LEAST, WINDOWS_LAID_DOWN // max(1, examples * sites))
