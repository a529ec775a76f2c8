"""Boards: records of finished runs with their rankings and the truth, and the tables that follow from them.

A board is a folder ``<data set>/<truth revision, 8 hex>``. Its ``records.jsonl``, ``rankings/`` and ``truth/`` are the
facts; every number in them can be recomputed without the data set. Its Markdown and SVG files are renderings, never
edited.

- `board`: where files lie, which record of several stands, what the records of a board share.
- `evidence`: the numbers that a ranking and a truth give.
- `merge`: finished runs -> boards.
- `tables`: boards -> Markdown.
- `by_encoder`: the same, each encoder's methods among themselves, and the grid of both.
- `heatmap`: that grid as a figure.
- `frame`: boards -> a pandas frame.
- `model_index`: results of one method -> a model card of the Hub.
- `check`: committed boards against a recomputation.
"""
