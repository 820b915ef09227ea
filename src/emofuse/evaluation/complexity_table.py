"""What models cost, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from emofuse.evaluation.complexity import Complexity
from emofuse.evaluation.scaling import Scaling

_HEAD = (
    "model", "parameters", "trained", "multiply-adds", "one clip, ms (p50 / p95 / p99)", "ms per s of media",
    "clips/s (batch)", "tensors, MB", "process, MB", "device, MB", "J per clip", "s an epoch", "weights, MB",
    "on disk, MB",
)  # fmt: skip


def complexity_markdown(measured: Sequence[Complexity]) -> str:
    """A table of costs, a row a model, then one of the fitted exponents, then what could not be measured and why.
    A dash stands for what is not known.
    """
    lines = [_row(_HEAD), _row(["---"] * len(_HEAD)), *(_row(_cells(one)) for one in measured)]
    growth = [(one.name, part) for one in measured for part in one.scaling]
    if growth:
        lines += [
            "",
            _row(("model", "cost", "against", "exponent (95 %)", "last step", "R2")),
            _row(["---"] * 6),
        ]
        lines += [_row(_growth(name, part)) for name, part in growth]
    notes = [
        f"{one.name}: on {one.device}, {one.threads} thread{'s' if one.threads > 1 else ''}; energy "
        f"{one.energy.source or 'not measured'}{f' ({one.energy.reason})' if one.energy.reason else ''}; epoch: "
        f"{one.epoch.source}"
        for one in measured
    ]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


def _cells(one: Complexity) -> list[str]:
    best = max(one.throughput, key=lambda part: part.clips_per_s, default=None)
    times = (one.latency.p50_s, one.latency.p95_s, one.latency.p99_s)
    media_s = one.latency.per_media_s
    return [
        one.name, f"{one.parameters:,}", f"{one.trainable:,}", f"{one.multiply_adds:,}",
        " / ".join(f"{1e3 * value:.3g}" for value in times), _known(None if media_s is None else 1e3 * media_s),
        "-" if best is None else f"{best.clips_per_s:,.0f} ({best.batch_size})", _known(one.memory.tensors_mb),
        _known(one.memory.process_mb), _known(one.memory.device_mb), _known(one.energy.joules),
        _known(one.epoch.seconds), _known(one.weights_mb), _known(one.disk_mb),
    ]  # fmt: skip


def _growth(name: str, part: Scaling) -> list[str]:
    told = part.exponent
    interval = "" if told.low != told.low else f" ({told.low:.2f} to {told.high:.2f})"
    sizes = f"{part.varied}, {part.sizes[0]} to {part.sizes[-1]}"
    return [name, part.quantity, sizes, f"{told.value:.2f}{interval}", f"{told.last:.2f}", f"{told.r2:.3f}"]


def _known(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
