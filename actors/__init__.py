"""Pykka shard actors that host user, session and tenant entities.

Lives here: the shard's pure machine (`shard_machine`: messages in, effects out), its thin pykka shell, the region (who
owns which shard), supervision, passivation, the bridge to asyncio. May not live here: HTTP, SQL, decisions about
domain facts. Imports domain and journal.
"""
