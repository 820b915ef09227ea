"""MFN: an LSTM a modality, attention over what their cells do from step to step, a gated memory.

Paper: Zadeh et al. 2018, https://arxiv.org/abs/1802.00927 (MMSA 2.2.1's values for MOSI: 2,172,657 parameters on
768 + 5 + 20 features with ``widths = {audio = 32}``, as there). Modalities of other lengths are brought to the
main one's axis by relative time; an absent one has states of zeros. The LSTMs do not hear of the memory, so
only the memory is a loop over time.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from emofuse.models.encoders.gated_memory import GatedMemory
from emofuse.models.encoders.lstm_cells import run_lstm
from emofuse.models.encoders.resample import in_step
from emofuse.models.encoders.steps import Steps, steps_of
from emofuse.models.heads import Head
from emofuse.models.naming import by_name, leading, two
from emofuse.models.recipe import Recipe
from emofuse.types import Batch, Output, TaskSpec


class Mfn(nn.Module):
    """System of LSTMs, delta-memory attention, multi-view gated memory, head."""

    def __init__(
        self,
        networks: Mapping[str, nn.LSTM],
        memory: GatedMemory,
        head: Head,
        *,
        attention: nn.Module,
        proposal: nn.Module,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        self.attention, self.proposal, self.memory, self.head = attention, proposal, memory, head

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the LSTMs' last states and the memory, ``(batch, sum of hidden + memory)``."""
        values, mask = in_step(batch, tuple(self.networks))
        steps = steps_of(mask)
        states, cells = self._views({name: steps.flat(one) for name, one in values.items()}, batch, steps)
        delta = torch.cat([steps.previous(cells), cells], dim=1)
        attended = torch.softmax(self.attention(delta), dim=1) * delta
        memory = self.memory(attended, torch.tanh(self.proposal(attended)), steps)
        fused = torch.cat([states[steps.last], memory], dim=1)
        fused = fused * mask.any(dim=1, keepdim=True).to(fused.dtype)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)

    def _views(self, flat: Mapping[str, Tensor], batch: Batch, steps: Steps) -> tuple[Tensor, Tensor]:
        """All hidden states and all cells side by side, ``(frames, sum of hidden)``."""
        states, cells = [], []
        for name, network in self.networks.items():
            assert isinstance(network, nn.LSTM)
            present = batch.presence[name][steps.rows].unsqueeze(1)
            state, cell = run_lstm(network, flat[name], steps)
            states.append(state * present.to(state.dtype))
            cells.append(cell * present.to(cell.dtype))
        return torch.cat(states, dim=1), torch.cat(cells, dim=1)


def mfn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 256,
    widths: Mapping[str, int] | None = None,
    memory: int = 400,
    attention: Sequence[int] = (32, 64),
    attention_dropout: Sequence[float] = (0.2, 0.0),
    gates: Sequence[int] = (256, 32),
    gate_dropout: Sequence[float] = (0.7, 0.5),
    head: int = 128,
    dropout: float = 0.0,
) -> Recipe:
    """``widths`` are those LSTMs, by name, that are not ``hidden`` wide; ``attention`` are the hidden layers
    of the attention and of the proposal, ``gates`` those of keeping and of writing.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there, or there are not two of each.
    """
    sizes = by_name(dims, hidden, widths)
    networks = {name: nn.LSTM(dims[name], sizes[name], batch_first=True) for name in leading(dims, main)}
    states = sum(sizes.values())
    layers = [
        nn.Sequential(nn.Linear(2 * states, width), nn.ReLU(), nn.Dropout(rate), nn.Linear(width, out))
        for width, rate, out in zip(
            two("attention", attention),
            two("attention_dropout", attention_dropout),
            (2 * states, memory),
            strict=True,
        )
    ]
    model = Mfn(
        networks,
        GatedMemory(
            2 * states, memory, hidden=two("gates", gates), dropouts=two("gate_dropout", gate_dropout)
        ),
        Head(states + memory, task, hidden=head, dropout=dropout),
        attention=layers[0],
        proposal=layers[1],
    )
    return Recipe(model)
