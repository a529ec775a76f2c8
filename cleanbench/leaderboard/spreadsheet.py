"""Texts in tables that spreadsheets open."""

from cleanbench.report.page import visible

# What makes a program read a cell as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def text_cell(text: str) -> str:
    """Return a text in one line that no spreadsheet takes for a formula, signs that act shown as escapes."""
    shown = visible(text.replace("\n", " ").replace("\t", " "))
    return f"'{shown}" if text.startswith(FORMULA) else shown
