"""What the command does at length, once and briefly: whatever breaks, nothing is lost, and nobody has to help."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

import pytest

from cassandra_server.errors import CassandraServerError
from tests.cluster_chaos.campaign import Campaign
from tests.cluster_chaos.deployment import FEW_PEOPLE, Deployment, Servers
from tests.cluster_chaos.faults import SHORT_STOCK, Fault, round_of
from zookeeper_server.errors import ZooKeeperServerError

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SEED = 4
PLAN = round_of(SHORT_STOCK, random.Random(SEED))
HEAP = "320M"


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """One deployment, on which people train all the while."""
    folder = tmp_path_factory.mktemp("chaos")
    try:
        with (
            Servers.in_folder(folder, heap=HEAP, short_lived=True) as servers,
            Deployment(servers, folder, "chaos", SEED, FEW_PEOPLE) as deployment,
        ):
            yield Campaign(deployment, lambda words: print(words, file=sys.stderr))
    except (CassandraServerError, ZooKeeperServerError) as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.parametrize("fault", PLAN, ids=[fault.kind.replace(" ", "-") for fault in PLAN])
def test_everybody_is_served_again_after(campaign: Campaign, fault: Fault) -> None:
    assert campaign.run(fault).acknowledged > 0


def test_what_was_acknowledged_through_all_of_that_is_stored_once_in_order_and_shown(campaign: Campaign) -> None:
    # At the end: it compares all that was sent with all that is there. The tables are held against a fold in memory,
    # since a rebuild in the store takes three nodes on two processors a minute; the long run does that.
    checked = campaign.look(rebuild=False)
    assert campaign.complaints == [], campaign.deployment.group.last_words(8_000)
    assert checked.acknowledged > 100
