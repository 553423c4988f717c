"""A phone as the service sees it: HTTP client, simulated people with watches, import of recorded captures.

Lives here: whatever speaks to a running service from outside. May import codecs (to pack frames) and nothing else of
ours: if it needs more, the HTTP interface lacks something.
"""
