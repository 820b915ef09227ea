"""A setting that is one value for all modalities, or one for each by name."""

from collections.abc import Iterable, Mapping

from emofuse.errors import ConfigError


def by_modality(given: int | Mapping[str, int], names: Iterable[str], what: str) -> dict[str, int]:
    """``given`` for each of ``names``, in their order; ``what`` is the option's name.

    Raises:
        ConfigError: a mapping leaves out one of ``names``, or has one too many.
    """
    names = list(names)
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, given)
    if set(given) != set(names):
        raise ConfigError(f"{what} is given for {sorted(given)}; it is wanted for {sorted(names)}")
    return {name: given[name] for name in names}


def main_of(main: str | None, dims: Mapping[str, int]) -> str:
    """The modality that a paper gives a part of its own: ``main``, or the first of ``dims``.

    Raises:
        ConfigError: there is no such modality.
    """
    if main is None:
        return next(iter(dims))
    if main not in dims:
        raise ConfigError(f"main is {main!r}; the features are {sorted(dims)}")
    return main
