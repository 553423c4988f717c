"""One module a command of the `kinelog` command line; each exposes a click command that `service/cli.py` registers."""
