"""Rankings made elsewhere: read, validated, scored as a run's are.

A submission is a file of ids and scores (or of ids in order) and a small manifest. No number in it is believed: the
harness computes them all. Nor is anything else, since it may come from anybody.

- `manifest`: what a submission says of itself, read by `plain_yaml`; `names`: what it may be called.
- `ranking_file`: its ranking, with every defect of the file, read by `table_file`.
- `findings`: the defects, and how foreign texts are shown.
- `against`: the data set or the board that it is about; `standing`: what boards hold, as far as it can be read.
- `submission`: ranking and manifest, compared with what is known, and written as a run folder.
- `folders`, `checked`, `incoming`: submissions beside the boards, one by one and together.
- `rivals`: what a submission replaces, and which of several cannot stand together.
- `suspicion`: what a person should look at before a submission goes on a board.
"""
