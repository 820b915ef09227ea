"""What was measured of a model, as parts of a page: robustness, its modalities' shares, its costs."""

from collections.abc import Sequence

import numpy as np

from emofuse.evaluation.attribution import ModalityAttribution
from emofuse.evaluation.bar_charts import Bar, bar_chart
from emofuse.evaluation.charts import Series, clean, line_chart
from emofuse.evaluation.complexity import Complexity
from emofuse.evaluation.curves import Curve
from emofuse.evaluation.faithfulness import Faithfulness
from emofuse.evaluation.robustness import SubsetTable
from emofuse.evaluation.robustness_study import Study, matching
from emofuse.inference.page import charts, hint, number, table


def robustness_card(made: Study | None) -> str:
    """Curves by noise, their numbers, and the scores with every subset of the modalities."""
    if made is None:
        return ""
    curves = [curve for place in range(len(made.measured)) for curve in made.curves(place)]
    by_noise: dict[str, list[Curve]] = {}
    for one in curves:
        by_noise.setdefault(one.noise, []).append(one)
    ends = [
        end for one in [*curves, *made.baseline] for pair in one.spread for end in pair if np.isfinite(end)
    ]
    room = 0.04 * ((max(ends) - min(ends)) or 1.0)
    reach = (min(ends) - room, max(ends) + room)
    several = len(made.measured) > 1
    drawn = [_noise(name, some, made, reach, several=several) for name, some in by_noise.items()]
    first = made.measured[0]
    better = "higher" if curves[0].higher_is_better else "lower"
    told = (
        f"{made.metric} ({better} is better) on {first.n:,} clips as noise grows from 0, the clean score, to "
        f"{curves[0].strengths[-1]:g} of each noise's full range. Relative robustness is the area under a curve; "
        "effective robustness is what is left beyond the baseline."
    )
    parts = [
        hint(told),
        charts(*drawn),
        "<h3>Numbers read off the curves</h3>",
        _numbers(made, several=several),
    ]
    parts += ["<h3>Missing modalities</h3>"] if made.subsets else []
    parts += [_subsets(one, made.metric, several=several) for one in made.subsets]
    return "".join(parts)


def explanation_card(
    found: ModalityAttribution | None, faithful: Faithfulness | None, labels: Sequence[str]
) -> str:
    """Shapley values of the modalities, and whether attributions of frames tell what the model uses."""
    if found is None:
        return ""
    shares = found.shares()
    bars = [
        Bar(name, 100 * value, text=f"{value:.0%}") for name, value in zip(found.names, shares, strict=True)
    ]
    drawn = [
        bar_chart(bars, title="Share of each modality in a prediction", x_label="mean share of the Shapley values, %",
                  x_range=(0, 100))
    ]  # fmt: skip
    if found.weights is not None:
        given = np.nanmean(found.weights, axis=0)
        drawn.append(
            bar_chart(
                [Bar(name, float(value)) for name, value in zip(found.names, given, strict=True)],
                title="Weights that the model itself gives",
                x_label="mean weight",
                x_range=(0, 1),
            )
        )
    off = float(np.abs(found.values.sum(axis=1) - (found.outputs - found.bases)).max())
    told = (
        f"Exact Shapley values of {len(found.ids):,} predictions, in {_unit(found)}, against {found.baseline}; "
        f"they add up to the output (largest error {off:.1e})."
    )
    if labels and found.kind != "rating":
        rows = []
        for place, label in enumerate(labels):
            chosen = found.columns == place
            if chosen.any():
                means = found.values[chosen].mean(axis=0)
                rows.append(
                    (
                        clean(label),
                        *(f"{value:+.2f}".replace("-", "−") for value in means),
                        f"{chosen.sum():,}",
                    )
                )
        heads = ("predicted class", *found.names, "clips")
        drawn.append(f"<div><h3>Mean Shapley value by predicted class</h3>{table(heads, rows)}</div>")
    parts = [hint(told), charts(*drawn)]
    if faithful is not None:
        parts.append(_faithful(faithful, "rating" if found.kind == "rating" else "probability"))
    return "".join(parts)


def complexity_card(costs: Sequence[Complexity]) -> str:
    """Parameters, time, memory and energy, and how they grow."""
    return "".join(_complexity(one, named=len(costs) > 1) for one in costs)


def cost_rows(one: Complexity) -> list[tuple[str, str]]:
    """The costs of a model as pairs of words."""
    once, epoch, energy, memory = one.latency, one.epoch, one.energy, one.memory
    times = f"{_time(once.p50_s)} median, {_time(once.p95_s)} p95, {_time(once.p99_s)} p99"
    learnt = (
        f"not known: {epoch.source}"
        if epoch.seconds is None
        else f"{_time(epoch.seconds)} ({epoch.source})"
    )
    joules = (
        f"not known: {energy.reason}"
        if energy.joules is None
        else f"{energy.joules:.3g} J ({energy.source})"
    )
    return [
        ("parameters", f"{one.parameters:,}, of which {one.trainable:,} learn"),
        ("multiply-adds of one clip", f"{one.multiply_adds:,}"),
        (
            "frames of a clip, on average",
            ", ".join(f"{name} {count:,.0f}" for name, count in one.lengths.items()),
        ),
        ("time of one clip", times),
        ("time for a second of media", "–" if once.per_media_s is None else _time(once.per_media_s)),
        ("training time of an epoch", learnt),
        ("weights in memory", f"{one.weights_mb:,.2f} MB"),
        ("peak memory of its tensors", f"{memory.tensors_mb:,.2f} MB"),
        ("peak memory of the process", f"{memory.process_mb:,.0f} MB"),
        ("peak memory of the device", "–" if memory.device_mb is None else f"{memory.device_mb:,.0f} MB"),
        ("energy of one clip", joules),
        ("size on disk", "–" if one.disk_mb is None else f"{one.disk_mb:,.2f} MB"),
        ("measured on", f"{one.device}, {one.threads} thread{'s' if one.threads > 1 else ''}"),
    ]


def _noise(
    name: str, some: Sequence[Curve], made: Study, reach: tuple[float, float], *, several: bool
) -> str:
    series, used = [], []
    for one in some:
        on = " + ".join(one.modalities) or "all"
        low, high = zip(*one.spread, strict=True)
        seeds = len(one.by_seed) > 1
        label = f"{one.method}: {on}" if several else on
        series.append(Series(label, one.strengths, one.values, low if seeds else (), high if seeds else ()))
        known = matching(one, made.baseline)
        if known is not None and known not in used:
            used.append(known)
            series.append(Series(f"baseline: {known.method}", known.strengths, known.values, quiet=True))
    strongest = max(one.strengths[-1] for one in some)
    return line_chart(
        series, title=name.replace("_", " ").capitalize(), x_label="strength of the noise, 0 to 1", y_label=made.metric,
        x_range=(0, strongest), y_range=reach,
    )  # fmt: skip


def _numbers(made: Study, *, several: bool) -> str:
    against = any(table_.baseline for table_ in made.tables)
    heads = ["noise", "on", *(["model"] if several else []), "clean", "strongest", "relative"]
    heads += ["effective"] if against else []
    rows = []
    for one in made.tables:
        for row in one.rows:
            cells = [clean(one.noise.replace("_", " ")), clean(" + ".join(one.modalities) or "all")]
            cells += [clean(row.method)] if several else []
            cells += [number(row.clean), number(row.strongest), number(row.relative)]
            rows.append([*cells, *([number(row.effective)] if against else [])])
    return table(heads, rows, said=(1, 2) if several else (1,))


def _subsets(one: SubsetTable, metric: str, *, several: bool) -> str:
    full = one.rows[0].scores[metric]
    bars = [Bar(" + ".join(row.present), row.scores[metric]) for row in one.rows]
    rows = [
        (clean(" + ".join(row.present)), number(row.scores[metric]), _signed(row.scores[metric] - full, 3),
         f"{row.empty:,}")
        for row in one.rows
    ]  # fmt: skip
    chart = bar_chart(
        bars, title=f"Only some modalities{f': {one.subject}' if several else ''}", x_label=metric
    )
    told = "Clips that have nothing left are answered by the mean of the model's clean answers."
    return charts(
        chart,
        f"<div>{table(('present', metric, 'change', 'empty clips'), rows, first=0)}{hint(told)}</div>",
    )


def _unit(found: ModalityAttribution) -> str:
    return (
        "units of the rating"
        if found.kind == "rating"
        else f"{found.kind.replace('_', '-')} of the class that is predicted"
    )


def _faithful(found: Faithfulness, what: str) -> str:
    series = [
        Series("by attribution", found.fractions, found.deletion),
        Series("in random order", found.fractions, found.random_deletion),
    ]
    chart = line_chart(
        series, title=f"Deletion: {what} as frames go", x_label="share of the frames gone",
        y_label=what, x_range=(0, 1), y_range=(0, 1) if what == "probability" else None,
    )  # fmt: skip
    gain = found.deletion_gain
    told = (
        f"Frames that integrated gradients name first go first. The area is smaller than in random order by "
        f"{number(gain.value)} ({number(gain.low)} to {number(gain.high)}): the larger, the more the attribution tells "
        "what the model uses."
    )
    return f"<h3>Is the attribution of frames faithful?</h3>{charts(chart, f'<div>{hint(told)}</div>')}"


def _complexity(one: Complexity, *, named: bool) -> str:
    rows = "".join(f"<dt>{clean(name)}</dt><dd>{clean(value)}</dd>" for name, value in cost_rows(one))
    speeds = [(f"{part.batch_size:,}", f"{part.clips_per_s:,.0f}") for part in one.throughput]
    fitted = [
        (clean(f"{_quantity(part.quantity)} by {part.varied}"), number(part.exponent.value, digits=2),
         f"{number(part.exponent.low, digits=2)} to {number(part.exponent.high, digits=2)}",
         number(part.exponent.last, digits=2))
        for part in one.scaling
    ]  # fmt: skip
    drawn = [
        line_chart(
            [
                Series(
                    _quantity(part.quantity),
                    part.sizes,
                    [_shown(part.quantity, value) for value in part.values],
                )
            ],
            title=f"{_quantity(part.quantity).capitalize()} against {part.varied}",
            x_label=f"{part.varied}{' of every modality' if part.varied == 'frames' else ''}",
            y_label=f"{_quantity(part.quantity)}, {'ms' if part.quantity == 'time_s' else 'MB'}",
            x_range=(0, part.sizes[-1]),
        )
        for part in one.scaling
    ]
    head = f"<h3>{clean(one.name)}</h3>" if named else ""
    said = hint(
        "Measured from features in memory: decoding media and extracting features are not in the times."
    )
    grown = (
        f"<h3>How costs grow</h3>{hint('Cost ~ size to the power of the exponent, by least squares on logarithms.')}"
        f"{charts(*drawn)}{table(('cost', 'exponent', '95 % interval', 'between the largest two'), fitted)}"
        if fitted
        else ""
    )
    return (
        f'{head}{said}<div class="charts"><dl class="facts-list">{rows}</dl>'
        f"<div><h3>Throughput</h3>{table(('clips in a batch', 'clips a second'), speeds)}</div></div>{grown}"
    )


def _quantity(name: str) -> str:
    return {"time_s": "time", "memory_mb": "peak memory"}.get(name, name)


def _shown(quantity: str, value: float) -> float:
    return 1e3 * value if quantity == "time_s" else value


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:,.2f} s"
    return f"{seconds * 1e3:.3g} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
