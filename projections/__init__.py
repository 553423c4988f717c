"""Workers that fold the journal into structured tables, the read side of those tables, and rebuilds.

Lives here: `views` (one pure fold per view), the worker with its durable offsets, parked events, `read_side` (what the
API may ask). May not live here: commands, HTTP, anything that writes to the journal. Imports domain and journal.
"""
