"""A real ZooKeeper on this machine, for tests, for `make cluster`; one server or three. Not installed."""
