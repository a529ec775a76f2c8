"""``python -m cleanbench.commands.methods_table``: the table of methods in the README, made from the methods."""

import inspect
import re
import sys
from functools import reduce
from operator import and_
from typing import Any

from cleanbench import zoo
from cleanbench.core import Issue, Need
from cleanbench.detector import Detector

PLURALS = {Issue.OFF_TOPIC: "off-topic", Issue.NEAR_DUPLICATE: "near-duplicates", Issue.LABEL_ERROR: "label errors"}


def methods_table() -> str:
    """Return a Markdown table of the methods that come with cleanbench, one row per name.

    Methods that plugins bring are left out, so that the table does not depend on what is installed.
    """
    rows = ["| Method | Finds | Reads | What it does |", "| --- | --- | --- | --- |"]
    for name in zoo.available():
        method = zoo.load_class(name)
        if method.__module__.startswith("cleanbench."):
            finds = ", ".join(PLURALS[issue] for issue in method.issues())
            cells = [f"`{name}`", finds, _reads(method), _purpose(name, method, zoo.config_of(name))]
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def _reads(method: type[Detector]) -> str:
    """Say what a method reads for all of its issues, then what only some of them need."""
    needs = {issue: method.needs_for(issue) for issue in method.issues()}
    shared = reduce(and_, needs.values())
    parts = [_words(shared)] if shared else []
    for extra in dict.fromkeys(need & ~shared for need in needs.values() if need & ~shared):
        issues = [PLURALS[issue] for issue, need in needs.items() if need & ~shared == extra]
        parts.append(f"{_words(extra)} for {' and '.join(issues)}")
    return "; ".join(parts) or "nothing"


def _words(needs: Need) -> str:
    return ", ".join(str(need.name).lower().replace("_", " ") for need in needs)


def _purpose(name: str, method: type[Detector], config: dict[str, Any]) -> str:
    """Return the first line of the docstring, and what tells names of one class apart.

    That is what a YAML file decides alone, because the constructor has no default for it, or what a list in a
    docstring of the class or a base says of the name.
    """
    line = (inspect.getdoc(method) or "").partition("\n")[0].rstrip(".")
    for base in method.__mro__:
        documented = " ".join((inspect.getdoc(base) or "").split())
        item = re.search(rf"- (?:``\w+``, )*``{name}``(?:, ``\w+``)*: (.*?)(?: \([A-Z]|\. |\.$)", documented)
        if item:
            return f"{line}: {item[1]}"
    parameters = inspect.signature(method).parameters.values()
    decided = [f"`{item.name}={config[item.name]}`" for item in parameters if item.default is item.empty]
    return f"{line} ({', '.join(decided)})" if decided else line


if __name__ == "__main__":
    sys.stdout.write(methods_table())
