"""Bytes to values and back: every wire format, the packed 13-bit sample.

Lives here: decoders and encoders of the device formats, their typed values, their tree of errors. May not live here:
I/O, clocks, anything that knows a user, a journal or HTTP. Imports numpy and bitstring, nothing of ours.
"""
