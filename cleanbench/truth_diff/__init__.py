"""How two truths, or two revisions of one, differ, and what that does to the ranks of methods."""
