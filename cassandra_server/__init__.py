"""A real Apache Cassandra on this machine, without Docker: for development, tests and benchmarks; never installed.

It needs Java 17 and, the first time, Maven and a network. Only the standard library is imported, so that `make` can run
it before any environment exists. Whoever starts a node owns it: the server ends when its owner ends, however it ends.
"""
