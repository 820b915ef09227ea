"""Where a command prints, and the bar that says how far it is; nothing heavy is imported before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Progress = Callable[[str, float], None]


def console() -> Any:
    """Standard output, for plain text and tables."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A bar on stderr where somebody looks at it."""
    from rich.console import Console

    stderr = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if quiet or not stderr.is_terminal:
        yield lambda stage, done: None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=stderr, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def tell(stage: str, done: float) -> None:
            bar.update(task, description=stage[:60], completed=done)

        yield tell
