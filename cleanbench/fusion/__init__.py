"""Finished runs combined at ranking level, into a run of its own."""
