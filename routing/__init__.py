"""Any node takes any request: commands travel to the node that owns their shard.

Lives here: the internal channel between nodes (one authenticated connection a pair, many questions in flight, msgpack),
the messages on it, the router that asks the own region or another node's. May not live here: who owns what (actors/),
HTTP for phones and people (api/).
"""
