"""Tables: a public name, where it lives, and one line on what it is; imported on first use.

Other packages add names through the entry-point group ``emofuse.<kind>s``.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from emofuse.errors import UnknownNameError


class Entry(NamedTuple):
    """Where an object lives (``"module:attribute"``) and its one-line description."""

    place: str
    about: str


class Table(Mapping[str, Entry]):
    """Public name to `Entry`; `load` imports the object behind a name."""

    def __init__(self, kind: str, entries: dict[str, tuple[str, str]]) -> None:
        self.kind = kind
        self._entries = {name: Entry(*entry) for name, entry in entries.items()}
        self._scanned = False

    def load(self, name: str) -> Any:
        """Import and return the object behind ``name``.

        Raises:
            UnknownNameError: no such entry; the message lists the nearest names.
        """
        if name not in self:
            near = get_close_matches(name, self, n=3) or sorted(self)
            raise UnknownNameError(f"no {self.kind} named {name!r}; did you mean {', '.join(near)}?")
        module, attribute = self[name].place.split(":")
        return getattr(import_module(module), attribute)

    def __getitem__(self, name: str) -> Entry:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Entry]:
        if not self._scanned:
            self._scanned = True
            for point in entry_points(group=f"emofuse.{self.kind}s"):
                about = f"from {point.dist.name}" if point.dist else "from another package"
                self._entries.setdefault(point.name, Entry(point.value, about))
        return self._entries
