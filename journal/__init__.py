"""The fenced commit log per shard: one port, its adapters, serialisation of events with versions, snapshots.

Lives here: `port` (what every store promises), `records` (what is stored), `sqlite_journal` and `memory_journal` (the
adapters), `event_codec` (events ⇄ sealed records), backup and verification. May not live here: decisions about what
an event means, threads of actors, HTTP. Imports domain and privacy.
"""
