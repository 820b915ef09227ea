"""Graph-MFN: MFN with a dynamic fusion graph, one vertex for each set of modalities, in place of its attention.

Paper: Zadeh et al. 2018, https://aclanthology.org/P18-1208; MMSA 2.2.1's values for MOSI. MMSA's graph has linear
layers on linear layers and efficacies without bound, and its optimiser never sees the networks of the vertices:
2,110,624 parameters on 768 + 5 + 20 features. Here they train, 2,319,280; a ReLU stands between the layers, and the
efficacies are in (0, 1) by a sigmoid. Lengths, absence and the loop over time are those of MFN.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

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

# The widest layer of every network in the graph.
INNER = 100


class FusionGraph(nn.Module):
    """From one vertex a modality to one summary, by a vertex for each larger set of them.

    Each vertex reads those of its proper subsets, and the summary reads all, each through an efficacy that
    the modalities' vertices decide.
    """

    def __init__(self, dims: Sequence[int], out_dim: int) -> None:
        super().__init__()
        self.sets = [
            one for size in range(1, len(dims) + 1) for one in combinations(range(len(dims)), size)
        ]
        widths = {one: dims[one[0]] if len(one) == 1 else out_dim for one in self.sets}
        self.readers = [*(one for one in self.sets if len(one) > 1), None]
        self.inputs = [_within(self.sets, one) for one in self.readers]
        self.vertices = nn.ModuleList(
            nn.Sequential(
                nn.Linear(sum(widths[one] for one in read), INNER), nn.ReLU(), nn.Linear(INNER, out_dim)
            )
            for read in self.inputs
        )
        edges = sum(len(read) for read in self.inputs)
        self.efficacies = nn.Sequential(
            nn.Linear(sum(dims), INNER), nn.ReLU(), nn.Linear(INNER, out_dim), nn.ReLU(),
            nn.Linear(out_dim, edges), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, singles: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """``(frames, dim)`` of each modality to the summary ``(frames, out_dim)`` and the efficacies
        ``(frames, edges)``, in the order of ``inputs``.
        """
        known: dict[tuple[int, ...], Tensor] = {(number,): single for number, single in enumerate(singles)}
        efficacies = self.efficacies(torch.cat(list(singles), dim=1))
        parts = efficacies.split([len(read) for read in self.inputs], dim=1)
        summary = singles[0]
        for reader, read, part, vertex in zip(self.readers, self.inputs, parts, self.vertices, strict=True):
            weighed = [known[one] * weight for one, weight in zip(read, part.split(1, dim=1), strict=True)]
            summary = vertex(torch.cat(weighed, dim=1))
            if reader is not None:
                known[reader] = summary
        return summary, efficacies


class GraphMfn(nn.Module):
    """System of LSTMs, dynamic fusion graph, multi-view gated memory, head."""

    def __init__(
        self,
        networks: Mapping[str, nn.LSTM],
        memory: GatedMemory,
        head: Head,
        *,
        graph: FusionGraph,
        proposal: nn.Module,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        self.singles = nn.ModuleDict(
            {name: nn.Linear(2 * one.hidden_size, one.hidden_size) for name, one in networks.items()}
        )
        self.graph, self.proposal, self.memory, self.head = graph, proposal, memory, head

    def forward(self, batch: Batch) -> Output:
        """``fused`` is the LSTMs' last states and the memory, ``(batch, sum of hidden + memory)``."""
        values, mask = in_step(batch, tuple(self.networks))
        steps = steps_of(mask)
        states, singles = [], []
        for name, network in self.networks.items():
            present = batch.presence[name][steps.rows].unsqueeze(1)
            state, single = self._view(name, network, steps.flat(values[name]), steps)
            states.append(state * present.to(state.dtype))
            singles.append(single * present.to(single.dtype))
        attended, _ = self.graph(singles)
        memory = self.memory(attended, torch.tanh(self.proposal(attended)), steps)
        fused = torch.cat([*(state[steps.last] for state in states), memory], dim=1)
        fused = fused * mask.any(dim=1, keepdim=True).to(fused.dtype)
        scores, ratings = self.head(fused)
        return Output(scores, ratings, fused)

    def _view(self, name: str, network: nn.Module, flat: Tensor, steps: Steps) -> tuple[Tensor, Tensor]:
        assert isinstance(network, nn.LSTM)
        state, _ = run_lstm(network, flat, steps)
        pair = torch.cat([steps.previous(state), state], dim=1)
        return state, torch.relu(self.singles[name](pair))


def graph_mfn(
    dims: dict[str, int],
    task: TaskSpec,
    *,
    main: str | None = None,
    hidden: int = 256,
    widths: Mapping[str, int] | None = None,
    memory: int = 300,
    vertex: int = 64,
    proposal: int = 32,
    proposal_dropout: float = 0.0,
    gates: Sequence[int] = (128, 64),
    gate_dropout: Sequence[float] = (0.5, 0.5),
    head: int = 256,
    dropout: float = 0.0,
) -> Recipe:
    """``widths`` are those LSTMs, by name, that are not ``hidden`` wide; ``vertex`` is a vertex of several
    modalities; ``proposal`` and ``gates`` are hidden layers.

    Raises:
        ConfigError: ``main`` or a name in ``widths`` is not there, or there are not two gates.
    """
    sizes = by_name(dims, hidden, widths)
    order = leading(dims, main)
    networks = {name: nn.LSTM(dims[name], sizes[name], batch_first=True) for name in order}
    model = GraphMfn(
        networks,
        GatedMemory(vertex, memory, hidden=two("gates", gates), dropouts=two("gate_dropout", gate_dropout)),
        Head(sum(sizes.values()) + memory, task, hidden=head, dropout=dropout),
        graph=FusionGraph([sizes[name] for name in order], vertex),
        proposal=nn.Sequential(
            nn.Linear(vertex, proposal),
            nn.ReLU(),
            nn.Dropout(proposal_dropout),
            nn.Linear(proposal, memory),
        ),
    )
    return Recipe(model)


def _within(sets: Sequence[tuple[int, ...]], whole: tuple[int, ...] | None) -> list[tuple[int, ...]]:
    """The proper subsets of a set; all sets where it is None."""
    return [one for one in sets if whole is None or (set(one) < set(whole))]
