"""The journal on Cassandra: a fenced log per shard by conditional writes, an index of entities, snapshots.

Lives here: the protocol of the fence without I/O (`procedures`), the adapter that runs it against a cluster, the index
of each entity's events and who writes it. May not live here: the driver (see `kinelog.cassandra_session`), views.
"""
