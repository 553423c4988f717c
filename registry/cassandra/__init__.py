"""The model store in Cassandra, in a keyspace of its own: contents by hash, one ledger, documents, keys.

What decides anything (versions, leases, who is trusted) is written by conditional statements only, and read back
linearizably where an outcome is unknown.
"""
