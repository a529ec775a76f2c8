"""The configuration groups, found by Hydra as the package ``cleanbench.conf``."""
