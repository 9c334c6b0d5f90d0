"""How a configuration is refused: every problem at once, each a sentence with its place."""

from collections.abc import Sequence

Path = tuple[str | int, ...]


class Refused(Exception):
    """The file can't be applied. ``problems`` has a sentence for each; nothing was changed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def place(path: Path, line: int | None = None) -> str:
    """``line 14: instances #1.mappings row 3`` for a path; counted from 1, as people do."""
    text = ""
    for position, part in enumerate(path):
        if isinstance(part, str):
            text += f".{part}" if text else part
        elif path[position - 1] in ("mappings", "filters"):
            text += f" row {part + 1}"
        else:
            text += f" #{part + 1}"
    where = f"line {line}" if line else ""
    return ": ".join(one for one in (where, text) if one)
