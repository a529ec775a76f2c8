"""The work of each `python -m cleanbench...` command, a file each."""
