"""Which items to judge next: a random sample that favours what would tell most, with known inclusion probabilities."""
