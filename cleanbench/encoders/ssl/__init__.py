"""Encoders trained by self-supervision on the data set itself; importing this package imports no torch."""
