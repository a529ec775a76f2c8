"""A small YAML or JSON file of keys and plain values that may come from anybody."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanbench.score.findings import shown

if TYPE_CHECKING:
    from yaml import Node

LARGEST = 64 * 1024  # bytes
DEEPEST = 8  # lists and mappings within each other
LARGEST_NUMBER = 2**63 - 1


def read_plain(path: Path) -> Any:
    """Return what a file holds.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no plain file, larger or more intricate than it should be, says something twice, or holds
            what no file can be written of.
        ArithmeticError: If it holds a number that is none.
        YAMLError: If it is no YAML.
    """
    import yaml

    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no plain file")
    with path.open("rb") as file:
        stored = file.read(LARGEST + 1)
    if len(stored) > LARGEST:
        raise ValueError(f"larger than {LARGEST // 1024} KiB")
    text = stored.decode("utf-8-sig")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        # A few references to references stand for more than any memory holds.
        if getattr(event, "anchor", None) is not None or getattr(event, "tag", None) is not None:
            raise ValueError("it has anchors, aliases or tags (&, *, !), which a manifest does not need")
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<":
            raise ValueError("it has a merge key (<<), which a manifest does not need")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} times")
    # YAML readers take the last of several, others the first.
    if repeated := list(_repeated(yaml.compose(text, Loader=yaml.SafeLoader))):
        raise ValueError(f"it has the key {shown(repeated[0])} more than once")
    content = yaml.safe_load(text)
    for key, value in _values(content):
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise ValueError(f"{shown(key)} is a number of more than 64 bits")
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{shown(key)} holds half a character, which is no text") from None
    return content


def _repeated(node: "Node | None") -> Iterator[str]:
    """Yield the keys that a mapping, or one within it, has more than once."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key.value
                seen.add(key.value)
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _repeated(value)


def _values(content: Any, key: str = "it") -> Iterator[tuple[str, Any]]:
    """Yield all plain values, keys included, with what to call them."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _values(name, "a key")
            yield from _values(value, ascii(name))
    elif isinstance(content, list):
        for value in content:
            yield from _values(value, key)
    else:
        yield key, content
