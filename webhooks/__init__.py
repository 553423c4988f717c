"""Tells tenants what happened: announces published models on their streams, and sends those to their own servers.

At least once, in order by tenant, for as long as it takes.
"""
