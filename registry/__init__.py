"""The model store: content-addressed blobs, signed manifests, aliases, populations, runs, the fit's lease.

Durable and not a view: rebuilding the tables never touches it. Imports `device`, which judges blobs, and
`cassandra_session`; knows nothing of training.
"""
