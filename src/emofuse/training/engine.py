"""Where and in which precision a model runs."""

import contextlib
from dataclasses import dataclass

import torch

from emofuse.errors import ConfigError

# float16 would need its loss scaled; bfloat16 has the range of float32 and does not.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Engine:
    """A device and a precision for the forward pass; weights stay float32."""

    device: torch.device
    precision: str = "float32"

    @classmethod
    def pick(cls, device: str = "auto", precision: str = "float32") -> "Engine":
        """``device`` "auto" takes the first accelerator there is, else the processor.

        Raises:
            ConfigError: an unknown precision, or a device that is not there.
        """
        if precision not in PRECISIONS:
            raise ConfigError(f"precision must be one of {sorted(PRECISIONS)}, got {precision!r}")
        if device == "auto":
            found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
            return cls(found or torch.device("cpu"), precision)
        try:
            return cls(torch.empty(0, device=device).device, precision)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ConfigError(f"device {device!r} is not there: {str(error).splitlines()[0]}") from error

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which a forward pass runs."""
        kind = PRECISIONS[self.precision]
        if kind is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=kind)
