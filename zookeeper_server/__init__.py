"""A real Apache ZooKeeper on this machine, without Docker: for development and tests; one server, or three.

Never installed. It needs what `cassandra_server/` needs, and shares with it how jars are fetched and how a server never
outlives its owner.
"""
