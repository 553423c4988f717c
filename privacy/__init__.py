"""A key per person, wrapped; name ↔ pseudonym; sealing and opening of payloads; forgetting.

Lives here: the key store (a file of its own, apart from the log and its backups), AES-256-GCM sealing, the list of
erasures. May not live here: anything that knows what a payload means. Imports nothing of ours.
"""
