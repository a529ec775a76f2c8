"""Pages to look at, figures, and the skeleton of HTML pages.

- `page`, `parts`: the skeleton of all pages, and what the terminal shares with them.
- `finished`, `compared`: what a report reads: a run folder, and all runs of a data set.
- `curves`, `charts`: curves with their bands as arrays, and as drawings and CSV.
- `sentences`, `comparison_words`: what numbers mean, each sentence a function of the numbers that make it true.
- `contact_sheets`, `issue_section`, `review_section`, `comparison_section`, `matrices`: parts of pages.
- `run_page`, `comparison_page`, `writing`: the pages, and where they are written.
"""
