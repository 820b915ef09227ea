"""GRU and LSTM over valid frames: packed, or over padded frames with the same results, whichever is faster.

On the CPU torch steps through a packed sequence in a loop whose gradient grows with the square of the length; padded
frames cost less even where half of them are padding, and LSTMs have a fused kernel for them. Padding comes last, so a
direction that reads from the front never hears of it; the one from the back reads each row turned round.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_valid(network: nn.GRU | nn.LSTM, values: Tensor, mask: Tensor) -> Tensor:
    """All outputs ``(batch, time, directions * hidden)``; zeros at padding. Valid frames come first; the
    backward direction starts at the last of them.
    """
    return (run_packed if values.is_cuda else run_unpacked)(network, values, mask)


def run_packed(network: nn.GRU | nn.LSTM, values: Tensor, mask: Tensor) -> Tensor:
    """`run_valid` by packing, as cuDNN wants it."""
    # A row without a frame cannot be packed: it runs over one frame of zeros and is masked after.
    lengths = mask.sum(dim=1).clamp_min(1).cpu()
    packed = pack_padded_sequence(values, lengths, batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(network(packed)[0], batch_first=True, total_length=values.shape[1])
    return outputs * mask.unsqueeze(-1).to(outputs.dtype)


def run_unpacked(network: nn.GRU | nn.LSTM, values: Tensor, mask: Tensor) -> Tensor:
    """`run_valid` over padded frames."""
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
