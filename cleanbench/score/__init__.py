"""Rankings made elsewhere: read, validated, scored as a run's are.

A submission is a file of ids and scores (or of ids in order) and a small manifest. No number in it is believed: the
harness computes them all.

- `manifest`: what a submission says of itself.
- `ranking_file`: its ranking, with every defect of the file.
- `against`: the data set or the board that it is about.
- `submission`: both read, compared with what is known, and written as a run folder.
- `suspicion`: what a person should look at before a submission goes on a board.
"""
