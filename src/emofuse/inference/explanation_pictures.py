"""An explanation as pictures, words, a video and one page: `pictures`, `words_of_segments`, `video_of`, `page`."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path

from emofuse.errors import MediaError
from emofuse.evaluation.attribution_plots import Stretch, modality_bars, probability_bars, waveform_plot
from emofuse.evaluation.attribution_video import Scene, attribution_video
from emofuse.evaluation.words import Word, words_html, words_svg
from emofuse.features.media import VideoFrames, probe, read_audio
from emofuse.files import write_all_atomically
from emofuse.inference.drawing import clean, clock
from emofuse.inference.explanation import Explanation, SegmentExplanation
from emofuse.inference.reading import RATE, is_written
from emofuse.types import Signal

_MOST_BARS = 24  # segments in one picture of bars
_UNITS = {"log_odds": "log-odds", "probability": "probability"}


def write_explanation(
    explanation: Explanation, folder: Path, *, video: bool = True, rate: int = 10
) -> list[Path]:
    """Write ``explanation.json``, ``explanation.html``, the pictures as PNG and SVG, the words as SVG and, where the
    clip has a length in time, ``explanation.mp4``; returns their paths.

    Raises:
        OutputError: a file cannot be written.
        MediaError: the clip is no longer there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[Path, bytes | str] = {
        folder / "explanation.json": explanation.to_json() + "\n",
        folder / "explanation.html": page(explanation),
    }
    for kind in ("png", "svg"):
        contents |= {
            folder / f"{name}.{kind}": data for name, data in pictures(explanation, kind=kind).items()
        }
    for number, words in enumerate(_words(explanation), 1):
        if words:
            contents[folder / f"words-{number}.svg"] = words_svg(words, unit=_UNITS[explanation.unit])
    if video and explanation.duration_s > 0 and any(_lanes(explanation).values()):
        contents[folder / "explanation.mp4"] = video_of(explanation, rate=rate)
    write_all_atomically(contents)
    return list(contents)


def pictures(explanation: Explanation, *, kind: str = "png") -> dict[str, bytes]:
    """By name: "modalities" and "probabilities" of each segment (the first 24), and for clips with a clock
    "timeline", the attributions over time under the waveform.

    Raises:
        OutputError: ``kind`` is neither "png" nor "svg".
        MediaError: the clip is no longer there.
    """
    shown = explanation.segments[:_MOST_BARS]
    titles = [_title(segment, number) for number, segment in enumerate(shown, 1)]
    unit = _UNITS[explanation.unit]
    values = [{name: share.value for name, share in segment.modalities.items()} for segment in shown]
    drawn = {
        "modalities": modality_bars(list(zip(titles, values, strict=True)), unit=unit, kind=kind),
        "probabilities": probability_bars(
            [(title, segment.probabilities) for title, segment in zip(titles, shown, strict=True)],
            kind=kind,
        ),
    }
    lanes = {name: stretches for name, stretches in _lanes(explanation).items() if stretches}
    if lanes and explanation.duration_s > 0:
        drawn["timeline"] = waveform_plot(
            _sound(explanation), lanes, words=_timed_words(lanes), captions=_captions(explanation),
            duration_s=explanation.duration_s, unit=unit, note="; ".join(explanation.notes), kind=kind,
        )  # fmt: skip
    return drawn


def video_of(explanation: Explanation, *, rate: int = 10) -> bytes:
    """The clip with its explanation drawn in, as an mp4 of at most two minutes.

    Raises:
        OutputError: the clip has no length in time.
        MediaError: the clip is no longer there.
    """
    path = Path(explanation.source)
    seen = not is_written(path) and probe(path).has_video and not probe(path).is_picture
    lanes = {name: stretches for name, stretches in _lanes(explanation).items() if stretches}
    lasting = {
        name: stretches for name, stretches in lanes.items() if not any(one.text for one in stretches)
    }
    return attribution_video(
        Scene(
            explanation.duration_s,
            VideoFrames(path, rate=rate) if seen else None,
            _sound(explanation),
            lanes,
            words=_timed_words(lanes),
            captions=_captions(explanation),
            # The last that is not words: in the default bundle, faces.
            bordered=list(lasting)[-1] if lasting else None,
        ),
        rate=rate,
    )


def page(explanation: Explanation) -> str:
    """One self-contained HTML page: figures, and each segment's words coloured by what they add."""
    unit = _UNITS[explanation.unit]
    figures = "".join(
        f'<figure><img alt="{name}" src="data:image/png;base64,{base64.b64encode(data).decode()}"></figure>'
        for name, data in pictures(explanation).items()
    )
    sections = "".join(
        _section(segment, number, words_html(words, unit=unit) if words else "")
        for number, (segment, words) in enumerate(
            zip(explanation.segments, _words(explanation), strict=True), 1
        )
    )
    notes = "".join(f"<li>{clean(note)}</li>" for note in (*explanation.notes, *explanation.warnings))
    name = clean(Path(explanation.source).name)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Why: {name}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><style>'
        "body{font-family:system-ui,sans-serif;color:#1f2933;max-width:62rem;margin:1rem auto;padding:0 1rem}"
        "img{max-width:100%}figure{margin:1rem 0}td,th{padding:.2rem .8rem .2rem 0;text-align:left}"
        "td.n{text-align:right;font-variant-numeric:tabular-nums}</style></head><body>"
        f"<h1>Why {name} was recognised so</h1><p>Numbers are {unit} of each segment's class, counted from "
        f"{clean(explanation.baseline)}. Bundle {clean(explanation.bundle.name)} "
        f"{clean(explanation.bundle.version)}.</p>"
        f"{figures}{sections}<ul>{notes}</ul></body></html>\n"
    )


def _section(segment: SegmentExplanation, number: int, words: str) -> str:
    rows = "".join(
        f'<tr><th>{clean(name)}</th><td class="n">{share.value:+.3f}</td>'
        f"<td>{f'weight {share.weight:.0%}' if share.present else clean(share.reason or 'absent')}</td></tr>"
        for name, share in segment.modalities.items()
    )
    return (
        f"<h2>{clean(_title(segment, number))}</h2>{words}<table>"
        f'<tr><th>from nothing</th><td class="n">{segment.base:+.3f}</td><td></td></tr>{rows}'
        f'<tr><th>together</th><td class="n">{segment.output:+.3f}</td><td></td></tr></table>'
    )


def _title(segment: SegmentExplanation, number: int) -> str:
    if segment.end_s <= segment.start_s:
        return f"part {number}: {segment.label}"
    return f"{clock(segment.start_s)}–{clock(segment.end_s)}: {segment.label}"


def _lanes(explanation: Explanation) -> dict[str, list[Stretch]]:
    lanes: dict[str, list[Stretch]] = {}
    for segment in explanation.segments:
        for name, share in segment.modalities.items():
            lanes.setdefault(name, []).extend(
                Stretch(part.start_s, part.end_s, part.value, part.text)
                for part in share.parts
                if part.start_s is not None and part.end_s is not None
            )
    return lanes


def _timed_words(lanes: Mapping[str, list[Stretch]]) -> list[Stretch]:
    return next((stretches for stretches in lanes.values() if any(one.text for one in stretches)), [])


def _captions(explanation: Explanation) -> list[Stretch]:
    return [Stretch(one.start_s, one.end_s, one.output, one.label) for one in explanation.segments]


def _words(explanation: Explanation) -> Iterator[tuple[Word, ...]]:
    """By segment, its words with what they add."""
    for segment in explanation.segments:
        parts = next(
            (
                share.parts
                for share in segment.modalities.values()
                if any(part.text for part in share.parts)
            ),
            (),
        )
        yield tuple(Word(part.text or "", 0, 0, part.value) for part in parts)


def _sound(explanation: Explanation) -> Signal | None:
    path = Path(explanation.source)
    if is_written(path):
        return None
    try:
        return read_audio(path, rate=RATE) if probe(path).has_audio else None
    except MediaError:
        if not path.is_file():
            raise
        return None
