"""``python -m cleanbench.audit``: what finished runs are worth to somebody who reviews."""

from cleanbench.commands import grammar
from cleanbench.commands.audit import Options, audit

if __name__ == "__main__":
    grammar.run("python -m cleanbench.audit", Options, audit)
