"""The static site of boards: HTML beside the Markdown, with no server and no network.

Every page says all it has to say without JavaScript; with it, tables sort, filter and compare. The same records and
rankings give the same bytes.

- `index_page`: all boards.
- `board_page`: one issue of one board; its `ranking`, the `controls` beside it, and the `data` of the script.
- `entry_page`: one line of a board, with its records.
- `drawings`: curves and strips as SVG.
- `words`: sentences of the Markdown pages, and names, as HTML.
"""
