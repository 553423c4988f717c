"""Connections to a Cassandra cluster: addresses, credentials, policies, running statements, schema migrations.

Lives here: everything that is the same for every table: how to connect, which consistency a kind of statement has, what
the driver's errors mean, how schemas change. May not live here: tables, and anything of the domain. The driver is
imported by this package only. (A top-level folder called `cassandra` would shadow the driver.)
"""
