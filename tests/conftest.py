"""What every test may ask for, and what holds for all."""

from hypothesis import settings

pytest_plugins = ["tests.cassandra.fixtures", "tests.zookeeper.fixtures"]

# A deadline would be a timed test: machines are shared, and a pause of theirs says nothing of an example.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
