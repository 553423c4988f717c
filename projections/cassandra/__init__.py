"""The structured tables on Cassandra: one table for each question, written in the order of the log, read by keys.

Lives here: layouts of the query tables, the store that the worker writes to, the read side. May not live here: folds
(they are the same for every store), the driver (see `kinelog.cassandra_session`).
"""
