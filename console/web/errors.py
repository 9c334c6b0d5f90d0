"""A form's errors: each at its field, and all in a summary on top of the page."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class FormErrors:
    """Field id → what is wrong with it. The empty id is for what concerns the whole form."""

    by_field: dict[str, list[str]] = field(default_factory=dict)

    def add(self, where: str, what: str) -> None:
        """Add an error at a field's id."""
        self.by_field.setdefault(where, []).append(what)

    def require(self, where: str, value: str, what: str) -> None:
        """Add an error if the value is blank."""
        if not value.strip():
            self.add(where, what)

    def at(self, where: str) -> list[str]:
        """The errors of a field."""
        return self.by_field.get(where, [])

    def __bool__(self) -> bool:
        return bool(self.by_field)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for where, what in self.by_field.items():
            for one in what:
                yield where, one
