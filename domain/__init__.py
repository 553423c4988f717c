"""Pure: identifiers, the exercise catalogue, commands, events, and the user / session / tenant state machines.

Everything here is `decide(state, command)` and `evolve(state, event)`: no I/O, no clock, no randomness, no threads.
Imports `codecs` only.
"""
