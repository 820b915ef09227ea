"""Products of float32 matrices on a processor, through oneDNN where torch has it.

Torch hands them to its BLAS, which on some processors is half as fast or slower. oneDNN keeps half a megabyte for
every shape it has met, so rows come in a few counts: blocks, and a rest that is filled up with zeros.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

BLOCK = 256
# A call costs oneDNN more than torch's BLAS: fewer multiply-adds than these are done before it has begun.
FEW = 2**23


class Dense(nn.Linear):
    """torch's linear layer on ``(rows, dim)``, by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """``(rows, in_features)`` to ``(rows, out_features)``."""
        return linear(input, self.weight, self.bias)


def linear(values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``values @ weight.T + bias`` with its gradient: ``(rows, inner)`` and ``(columns, inner)`` to
    ``(rows, columns)``.
    """
    if not _suits(values, weight, min(len(values), BLOCK) * weight.numel()):
        return functional.linear(values, weight, bias)
    found: Tensor = _Linear.apply(values, weight, bias)
    return found


def product(left: Tensor, right: Tensor, bias: Tensor | None = None) -> Tensor:
    """`linear` without a gradient."""
    if not _suits(left, right, min(len(left), BLOCK) * right.numel()):
        return functional.linear(left, right, bias)
    return _product(left, right, bias)


def summed(left: Tensor, right: Tensor) -> Tensor:
    """``left.T @ right`` of ``(rows, n)`` and ``(rows, m)``, without a gradient."""
    if not _suits(left, right, min(len(left), BLOCK) * left.shape[1] * right.shape[1]):
        return left.t() @ right
    total = None
    for one, other in zip(_blocks(left), _blocks(right), strict=True):
        part = _call(one.t(), _whole(other).t(), None)
        total = part if total is None else total.add_(part)
    assert total is not None
    return total


class _Linear(Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(values, weight)
        return _product(values, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        values, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            product(slope, weight.t()) if wanted[0] else None,
            summed(slope, values) if wanted[1] else None,
            slope.sum(dim=0) if wanted[2] else None,
        )


def _product(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    right = _whole(right)
    parts = [_call(block, right, bias) for block in _blocks(left)]
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[: len(left)]


def _blocks(rows: Tensor) -> Iterator[Tensor]:
    for block in rows.split(BLOCK):
        count = len(block)
        filled = next((one for one in (8, 16) if count <= one), -(-count // 32) * 32)
        yield functional.pad(block, (0, 0, 0, filled - count)) if filled > count else block


def _whole(right: Tensor) -> Tensor:
    # A part of a wider matrix on the right side is multiplied a thousand times slower.
    return right if right.is_contiguous() or right.t().is_contiguous() else right.contiguous()


def _call(left: Tensor, right: Tensor, bias: Tensor | None) -> Tensor:
    found: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return found


def _suits(left: Tensor, right: Tensor, work: int) -> bool:
    return (
        work >= FEW
        and left.dtype == right.dtype == torch.float32
        and left.device.type == right.device.type == "cpu"
        and left.ndim == right.ndim == 2
        and bool(torch.backends.mkldnn.enabled)
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()
        and not torch.compiler.is_compiling()
        and _there()
    )


@cache
def _there() -> bool:
    """Whether torch was built with it and it does what is wanted: the operator is not a public one."""
    if not torch.backends.mkldnn.is_available():
        return False
    left, right = torch.arange(6.0).view(2, 3), torch.arange(12.0).view(4, 3)
    try:
        return torch.allclose(_call(left, right, torch.ones(4)), left @ right.t() + 1)
    except (AttributeError, RuntimeError, TypeError):
        return False
