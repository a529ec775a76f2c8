"""Fetching images that a data set only gives the addresses of: ``python -m cleanbench.download``."""
