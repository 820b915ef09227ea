"""What builders are told of modalities by name: which one leads, and how wide each one's part is."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from emofuse.errors import ConfigError

Number = TypeVar("Number", int, float)


def leading(names: Iterable[str], main: str | None = None) -> tuple[str, ...]:
    """All names, ``main`` first; as they are where it is None.

    Raises:
        ConfigError: ``main`` is not among them.
    """
    names = tuple(names)
    if main is None:
        return names
    if main not in names:
        raise ConfigError(f"main is {main!r}; the features are {', '.join(names)}")
    return (main, *(name for name in names if name != main))


def by_name(names: Iterable[str], usual: int, others: Mapping[str, int] | None = None) -> dict[str, int]:
    """A number for every name: that of ``others``, or the ``usual`` one.

    Raises:
        ConfigError: ``others`` names what is not there.
    """
    names, others = tuple(names), others or {}
    if unknown := sorted(set(others) - set(names)):
        raise ConfigError(f"a width is given for {', '.join(unknown)}; the features are {', '.join(names)}")
    return {name: others.get(name, usual) for name in names}


def two(what: str, values: Sequence[Number]) -> tuple[Number, Number]:
    """Both of ``values``, which are told for ``what`` in a configuration.

    Raises:
        ConfigError: there are not two.
    """
    if len(values) != 2:
        raise ConfigError(f"{what} takes two numbers; got {list(values)}")
    return values[0], values[1]
