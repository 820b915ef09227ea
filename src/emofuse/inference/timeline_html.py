"""A report: one self-contained HTML page with the timeline of one or several results.

Styles, drawings and the few lines of script are inside the page; it asks nothing of the network. Whatever
came from the user's files is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from emofuse.inference.affect_svg import affect_plane
from emofuse.inference.drawing import clean, clock, colour_of, span_of
from emofuse.inference.result import ModalityEvidence, Result, SegmentEmotion
from emofuse.inference.timeline_svg import timeline

NOTE = "An estimate of expressed emotion, not of inner state."
TERMS = (
    "A face, a voice or a sentence shows how an emotion is expressed; what a person feels cannot be read "
    "off it. People, cultures, ages and recordings differ, and so do the errors.",
    "Do not use it to decide about a person. At work and in education, inferring emotions from biometric "
    "data is prohibited in the European Union (AI Act, Article 5(1)(f)), except for medical or safety "
    "reasons. Record and analyse people only with their consent.",
    "The terms of the data that the bundle was trained on apply; its model card states them.",
)


def report_html(results: Sequence[Result], *, title: str | None = None) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        results: at least one; several get a table of contents.
        title: the page's title; the names of the sources where it is None.
    """
    title = title or f"{', '.join(result.source for result in results)} · expressed emotion"
    parts = [_contents(results)] if len(results) > 1 else []
    parts += [_article(result, f"clip{number}") for number, result in enumerate(results)]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="emofuse">\n'
        f"<title>{clean(title)}</title>\n<style>\n{_part('report.css')}</style>\n</head>\n<body>\n"
        f'<div class="top"><span class="brand">emofuse</span><span class="note">{NOTE}</span></div>\n'
        f"<main>\n{''.join(parts)}</main>\n<footer>{''.join(f'<p>{term}</p>' for term in TERMS)}</footer>\n"
        f"<script>\n{_part('report.js')}</script>\n</body>\n</html>\n"
    )


@cache
def _part(name: str) -> str:
    return files("emofuse.inference").joinpath(name).read_text(encoding="utf-8")


def _contents(results: Sequence[Result]) -> str:
    rows = "".join(
        f'<li><a href="#clip{number}">{clean(result.source)}</a>: {clean(result.clip.label)}, '
        f"{result.clip.confidence:.0%}</li>"
        for number, result in enumerate(results)
    )
    return f'<nav class="card clips" aria-label="Clips"><ol>{rows}</ol></nav>\n'


def _article(result: Result, prefix: str) -> str:
    return (
        f'<article id="{prefix}" aria-labelledby="{prefix}-title">\n'
        f'<h1 id="{prefix}-title">{clean(result.source)}</h1>\n<p class="facts">{_facts(result)}</p>\n'
        f"{_hero(result)}{_warnings(result)}{_timeline(result, prefix)}{_table(result, prefix)}"
        f"{_about(result)}</article>\n"
    )


def _facts(result: Result) -> str:
    length = f"{clock(result.duration_s)} min" if result.duration_s else "no clock"
    count = len(result.segments)
    names = [
        name for name in _names(result) if any(part.modalities[name].present for part in result.segments)
    ]
    heard = f"judged by {', '.join(names)}" if names else "nothing to judge by"
    return clean(f"{length} · {count} segment{'' if count == 1 else 's'} · {heard}")


def _names(result: Result) -> list[str]:
    return list(result.segments[0].modalities) if result.segments else []


def _warnings(result: Result) -> str:
    if not result.warnings:
        return ""
    rows = "".join(f"<li>{clean(warning)}</li>" for warning in result.warnings)
    head = '<section class="card warnings" aria-label="Warnings"><h2>Please note</h2>'
    return f"{head}<ul>{rows}</ul></section>\n"


def _hero(result: Result) -> str:
    clip = result.clip
    rows = "".join(
        f"<li{' class=first' if label == clip.label else ''}><span>{clean(label)}</span>"
        f'<span class="rail"><span class="fill" style="width:{share:.2%};background:'
        f'{colour_of(label, result.labels)}"></span></span><span class="number">{share:.1%}</span></li>'
        for label, share in sorted(clip.probabilities.items(), key=lambda pair: -pair[1])
    )
    return (
        '<section class="card hero" aria-label="The whole clip"><div class="verdict">'
        f'<span class="swatch" style="background:{colour_of(clip.label, result.labels)}"></span>'
        f'<div class="label">{clean(clip.label)}</div><p class="sure">{clip.confidence:.0%} confidence</p>'
        f"<dl><dt>valence</dt><dd>{_signed(clip.valence)}</dd><dt>arousal</dt><dd>{_signed(clip.arousal)}</dd></dl>"
        f'</div><ul class="bars" aria-label="Probabilities">{rows}</ul>{affect_plane(result)}</section>\n'
    )


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")


def _timeline(result: Result, prefix: str) -> str:
    names, plot = timeline(result, prefix)
    legend = "".join(
        f'<li><i style="background:{colour_of(label, result.labels)}"></i>{clean(label)}</li>'
        for label in result.labels
    )
    hint = (
        "Each column is one segment: the winner at the foot in full colour, the other classes pale "
        "above it. Below, what each modality says by itself, and its weight as a line; hatched where "
        "it is absent."
    )
    return (
        f'<section class="card" aria-labelledby="{prefix}-time"><h2 id="{prefix}-time">Timeline</h2>'
        f'<p class="hint">{hint}</p><ul class="legend" aria-label="Colours">{legend}</ul>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Timeline, scrolls sideways">'
        f'<div class="timeline">{names}{plot}</div></div>'
        '<p class="detail" aria-live="polite"></p></section>\n'
    )


def _table(result: Result, prefix: str) -> str:
    heads = ["time", "speaker", "words", "emotion", *_names(result), "valence", "arousal"]
    head = "".join(f'<th scope="col">{clean(name)}</th>' for name in heads)
    rows = "".join(
        _row(result, segment, number, f"{prefix}-{number}")
        for number, segment in enumerate(result.segments)
    )
    return (
        f'<section class="card long" aria-labelledby="{prefix}-table"><h2 id="{prefix}-table">Segments</h2>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</section>\n"
    )


def _row(result: Result, segment: SegmentEmotion, number: int, row_id: str) -> str:
    fill = colour_of(segment.label, result.labels)
    cells = [
        ("time", "time", clean(span_of(segment, number + 1))),
        ("speaker", "", clean(segment.speaker or "–")),
        ("words", "words", clean(segment.text or "–")),
        ("emotion", "value", f"{_chip(segment.label, fill)}<br>{_meter(segment.confidence, fill)}"),
    ]
    cells += [(name, "", _says(result, evidence)) for name, evidence in segment.modalities.items()]
    cells += [
        ("valence", "value", _signed(segment.valence)),
        ("arousal", "value", _signed(segment.arousal)),
    ]
    inner = "".join(
        f'<td class="{kind}" data-name="{clean(name)}"><div>{cell}</div></td>' for name, kind, cell in cells
    )
    return f'<tr id="{row_id}">{inner}</tr>'


def _chip(label: str, fill: str) -> str:
    return f'<span class="chip"><i style="background:{fill}"></i>{clean(label)}</span>'


def _meter(share: float, fill: str) -> str:
    bar = f'<span class="meter"><span style="width:{share:.0%};background:{fill}"></span></span>'
    return f"<span>{bar}{share:.0%}</span>"


def _says(result: Result, evidence: ModalityEvidence) -> str:
    if not evidence.present or not evidence.probabilities:
        return f'<span class="away">{clean(evidence.reason or "absent")}</span>'
    label, share = max(evidence.probabilities.items(), key=lambda pair: pair[1])
    chip = _chip(label, colour_of(label, result.labels))
    return f'<span class="says">{chip} {share:.0%}<br><small>weight {evidence.weight:.0%}</small></span>'


def _about(result: Result) -> str:
    origins = "".join(
        f"<dt>{clean(name)}</dt><dd>{clean(origin)}</dd>"
        for name, origin in result.valence_arousal_source.items()
    )
    model = result.bundle
    digest = f"<dt>digest</dt><dd><code>{clean(model.digest[:16])}</code></dd>" if model.digest else ""
    return (
        '<section class="card about" aria-label="How this was made"><div><h2>Model</h2>'
        f"<dl><dt>bundle</dt><dd>{clean(model.name)}</dd><dt>version</dt><dd>{clean(model.version)}</dd>{digest}</dl>"
        f"</div><div><h2>Valence and arousal</h2><dl>{origins}</dl></div></section>\n"
    )
