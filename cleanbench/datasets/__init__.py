"""Data sets: where images, given labels and ground truth come from."""
