"""What the embedded stores' files have in common: a write transaction, names that are made durable.

No store is known here, and no error of one: who uses this says what SQLite's errors mean to its callers. Imports
nothing.
"""
