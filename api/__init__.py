"""HTTP: ingest, queries, people, devices, places, the operator's pages; authentication; OpenAPI.

Lives here: routes, request and response types (which also make the OpenAPI document), tokens at the door, problems.
May not live here: SQL, decisions about domain facts, threads of actors. May import every part to its left.
"""
