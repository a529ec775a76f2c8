"""Boards: records of finished runs with their rankings and the truth, and the tables that follow from them.

A board is a folder ``<data set>/<truth revision, 8 hex>``. Its ``records.jsonl``, ``rankings/`` and ``truth/`` are the
facts, and its ``not_run.jsonl`` says what did not run; every number can be recomputed without the data set. All other
files are renderings, never edited; ``index.html`` beside the boards opens in a browser.

- `board`: where files lie, which record of several stands, what the records of a board share.
- `evidence`: the numbers that a ranking and a truth give.
- `filing`: whether records, rankings and truths are what was put there, which neither can tell alone.
- `runs`: finished runs, verified, and `merge`: those -> boards.
- `journal`: the records that were replaced, and `checksums`: SHA-256 of what no record vouches for.
- `tables`: boards -> Markdown.
- `by_encoder`: the same, each encoder's methods among themselves, and the grid of both.
- `heatmap`: that grid as a figure.
- `frame`: boards -> a pandas frame.
- `model_index`: results of one method -> a model card of the Hub.
- `entries`: the rows as plain values, and `exports`: those as CSV, JSON and LaTeX.
- `site`: boards -> HTML that sorts, filters and compares, with `curves` and, where the licence lets it, `pictures`.
- `rendering`: all files that follow from records, in one place for merges and checks.
- `check`: committed boards against a recomputation, with `drawn` for figures and `tree` for whatever lies there.
"""
