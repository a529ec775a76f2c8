"""Finished runs in other people's experiment trackers: optional Hydra callbacks, chosen with ``hydra/callbacks=…``.

The run folder stays the original; a tracker gets a copy of each record and its ranking.

- `entries`: what a tracker is told of a record, whichever it is.
- `callback`: when it is told, and what happens if that fails.
- `mlflow`, `wandb`: how it is told.
"""
