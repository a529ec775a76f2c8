"""``python -m cleanbench.card``: what a datasheet of a data set should answer, and what is missing.

- `questions`: the questions, with the answers that the card and the data give.
- `croissant`: card, images and truths as Croissant, the metadata format of MLCommons.
"""
