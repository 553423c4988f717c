"""Configuration, composition root and command line: the only place that knows all parts at once."""
