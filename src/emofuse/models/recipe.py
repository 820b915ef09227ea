"""What a model builder returns, and how a part named in a configuration becomes an object."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, get_args

import torch
from torch import Tensor, nn

from emofuse.errors import ConfigError, UnknownNameError
from emofuse.registry import Table
from emofuse.types import Batch, Output

Objective = Callable[[Output, Batch], Tensor]
KINDS: dict[Any, str] = {
    int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "nothing",
}  # fmt: skip
# Options whose names end so count what a layer has: one of none would be built with no more than a warning of torch.
SIZES = ("hidden", "dim", "width", "heads")


@dataclass(frozen=True, eq=False)
class Phase:
    """A pass over the training clips in every epoch between two shares of all epochs.

    It steps the parameters whose names start with one of ``trains``, with an optimiser of its own at ``rate``
    times the learning rate. ``objective`` is None for the recipe's whole loss. Several phases that are open in
    one epoch pass over the clips one after the other. Epochs in which the last phase is closed choose nothing.
    """

    name: str = "all"
    trains: tuple[str, ...] = ("",)
    objective: Objective | None = None
    start: float = 0.0
    stop: float = 1.0
    rate: float = 1.0


@dataclass(frozen=True, eq=False)
class Recipe:
    """A model ``Batch -> Output`` with what its paper adds to plain training on the task's loss.

    ``auxiliary`` is a loss of its own on top of the configured one, which is the mean over what ``judged`` makes
    of the output (the members of a committee; None for the output itself); ``phases`` say what is trained when. An
    objective that keeps state over the training (labels that it revises, running statistics) is an
    `nn.Module` with that state in its ``state_dict``; it is saved and resumed with the model.
    """

    model: nn.Module
    auxiliary: Objective | None = None
    judged: Callable[[Output], Sequence[Output]] | None = None
    phases: tuple[Phase, ...] = (Phase(),)


class Total(nn.Module):
    """The configured loss of a recipe and its own, added up."""

    def __init__(self, task: Objective, recipe: Recipe | None = None) -> None:
        super().__init__()
        self.task = task
        self.auxiliary = recipe.auxiliary if recipe else None
        self.judged = recipe.judged if recipe else None

    def forward(self, output: Output, batch: Batch) -> Tensor:
        """A scalar."""
        outputs = [output] if self.judged is None else self.judged(output)
        loss = torch.stack([self.task(one, batch) for one in outputs]).mean()
        return loss if self.auxiliary is None else loss + self.auxiliary(output, batch)


def make(table: Table, part: Mapping[str, Any], *args: Any) -> Any:
    """Build the entry that ``part["name"]`` names with ``args`` and the other keys as keywords.

    Raises:
        ConfigError: no name, an unknown name, or a keyword that the entry does not have or cannot use.
    """
    if "name" not in part:
        raise ConfigError(f"{table.kind}: a name is wanted; found the keys {sorted(part)}")
    factory = table.load(part["name"])
    options = {key: value for key, value in part.items() if key != "name"}
    check_keywords(factory, options, f"{table.kind} {part['name']}", given=len(args))
    try:
        return factory(*args, **options)
    except (TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ConfigError(f"{table.kind} {part['name']}: {error}") from error


def check_keywords(
    factory: Callable[..., Any], options: Mapping[str, Any], what: str, *, given: int = 0
) -> None:
    """Compare ``options`` with what ``factory`` takes by keyword, beside its first ``given`` arguments.

    Raises:
        UnknownNameError: there is no such keyword; the message names the nearest.
        ConfigError: it is a number, a text or a truth value there, and the option is something else; or it is the
            size of a layer that is always there, and the option is below 1.
    """
    parameters = dict(list(inspect.signature(factory).parameters.items())[given:])
    known = list(parameters)
    for key, value in options.items():
        if key in parameters:
            _check_kind(f"{what}: {key}", parameters[key].annotation, value)
            if key.endswith(SIZES):
                _check_size(f"{what}: {key}", parameters[key].default, value)
        else:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known) or 'none'}"
            raise UnknownNameError(f"{what} has no option {key!r}; {hint}")


def _check_kind(place: str, annotation: Any, value: Any) -> None:
    """Only plain kinds are looked at; what is made of others says itself what does not fit."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    if set(kinds) <= set(KINDS) and not any(_fits(value, kind) for kind in kinds):
        wanted = " or ".join(KINDS[kind] for kind in kinds if kind is not NoneType)
        raise ConfigError(f"{place}: wanted {wanted}, found {value!r}")


def _check_size(place: str, usual: Any, value: Any) -> None:
    """Where it is usually 1 or more: 0 may stand for a layer that is left out elsewhere."""
    if _fits(value, int) and _fits(usual, int) and usual >= 1 > value:
        raise ConfigError(f"{place}: wanted 1 or more, found {value}")


def _fits(value: Any, kind: type) -> bool:
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    return isinstance(value, kind)
