"""What the domain's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinelog.codecs import frames

from tests.domain.ledger import Ledger, pretend_summarize


@pytest.fixture(autouse=True, scope="module")
def pretended_codec(request: pytest.FixtureRequest) -> Iterator[None]:
    """The domain decides; what bytes mean is proven with the codecs. Modules that want the real ones are named."""
    if request.module.__name__.endswith("test_real_frames"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "summarize", pretend_summarize)
        patch.setattr(frames, "detect", lambda data: pretend_summarize(data).format)
        yield


@pytest.fixture
def ledger() -> Ledger:
    """A ledger with one registered person and one open session, number 1."""
    ledger = Ledger()
    ledger.register()
    ledger.start()
    return ledger
