"""GRU and LSTM over padded frames with the results of packed ones, several times faster on long tracks.

On the CPU torch steps through a packed sequence in a loop whose gradient grows with the square of the length,
and has a fused kernel for padded frames. Padding comes last, so a direction that reads from the front never
hears of it; the one from the back reads each row turned round.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emofuse.models.encoders.recurrent import run_packed

# A GRU has no fused kernel on the CPU: up to this many frames packing saves more than its loop costs.
SHORT = 128


def run_unpacked(network: nn.GRU | nn.LSTM, values: Tensor, mask: Tensor) -> Tensor:
    """All outputs ``(batch, time, directions * hidden)`` as of `run_packed`; zeros at padding."""
    if values.is_cuda or (isinstance(network, nn.GRU) and values.shape[1] <= SHORT):
        return run_packed(network, values, mask)
    outputs = _both_ways(network, values, mask) if network.bidirectional else network(values)[0]
    return outputs * mask.unsqueeze(-1).to(outputs.dtype)


def turned(mask: Tensor) -> Tensor:
    """For each row the places of its valid frames from the last to the first, ``(batch, time)``; padding stays
    where it is. It is its own inverse.
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(dim=1, keepdim=True) - 1 - places, places)


def _both_ways(network: nn.GRU | nn.LSTM, values: Tensor, mask: Tensor) -> Tensor:
    back = turned(mask).unsqueeze(2)
    # Weights come layer by layer, first those from the front, then those from the back.
    for layer in range(network.num_layers):
        if layer and network.dropout:
            values = nn.functional.dropout(values, network.dropout, network.training)
        from_front, from_back = network.all_weights[2 * layer : 2 * layer + 2]
        mirrored = values.gather(1, back.expand_as(values))
        heard = _one_way(network, mirrored, from_back)
        values = torch.cat(
            [_one_way(network, values, from_front), heard.gather(1, back.expand_as(heard))], dim=2
        )
    return values


def _one_way(network: nn.GRU | nn.LSTM, values: Tensor, weights: Sequence[Tensor]) -> Tensor:
    start = values.new_zeros(1, len(values), network.hidden_size)
    shared = (list(weights), network.bias, 1, 0.0, network.training, False, True)
    if isinstance(network, nn.GRU):
        return torch.gru(values, start, *shared)[0]
    return torch.lstm(values, (start, start), *shared)[0]
