"""What a person who runs the service sees of one request on its way: traces and structured logs.

Lives here: spans (OpenTelemetry where it is installed and asked for, nothing otherwise), log lines as JSON with
request, tenant, shard and epoch. May not live here: anything of what was sent — never a token, a sample, a name.
"""
