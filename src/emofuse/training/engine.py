"""Where and in which precision a model runs."""

import contextlib
from dataclasses import dataclass

import torch

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Engine:
    """A device and a precision for the forward pass; weights stay float32."""

    device: torch.device
    precision: str = "float32"

    @classmethod
    def pick(cls, device: str = "auto", precision: str = "float32") -> "Engine":
        """``device`` "auto" takes the first accelerator there is, else the processor.

        Raises:
            ValueError: an unknown precision.
        """
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {sorted(PRECISIONS)}, got {precision!r}")
        if device == "auto":
            found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
            return cls(found or torch.device("cpu"), precision)
        return cls(torch.device(device), precision)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which a forward pass runs."""
        kind = PRECISIONS[self.precision]
        if kind is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=kind)
