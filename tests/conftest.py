"""What every test may ask for, and what holds for all."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.cassandra.fixtures", "tests.zookeeper.fixtures"]

# A deadline would be a timed test, and so would be the check that drawing is quick: machines are shared, and a pause of
# theirs says nothing of an example.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
