"""What every test may ask for."""

pytest_plugins = ["tests.cassandra.fixtures", "tests.zookeeper.fixtures"]
