"""The model card of a run or a bundle: plain facts in, Markdown out.

Form: Mitchell et al. 2019, https://arxiv.org/abs/1810.03993. The limits of use name Regulation (EU)
2024/1689, the AI Act.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from emofuse.types import Report

USES = (
    "Research on expressed emotion, and teaching.",
    "Tools that people use on their own recordings, or on recordings whose speakers have agreed.",
)

MISUSES = (
    "Any decision about a person: in work, education, justice, policing, borders, migration, insurance, "
    "credit, health or access to a service.",
    "Reading a person's emotions at the workplace or in education: forbidden in the European Union by "
    "Art. 5(1)(f) of the AI Act, save for medical or safety reasons.",
    "Use on people who were not told: Art. 50(3) of the AI Act asks that people exposed to emotion "
    "recognition are informed, and data protection law asks for a ground to process their data.",
    "Detection of lies, intent, personality, illness or any other inner state.",
)

# What would end the words of a picture.
_BRACKETS = str.maketrans("[]", "()")

_INNER_STATE = (
    "The model names the emotion that observers would read from an **expression**. It does not know what "
    "the person feels: expression is not inner state, and it differs with person, culture and situation."
)


@dataclass(frozen=True)
class DataSource:
    """One corpus that went into a model: how to cite it, under which terms it stands, and for what it was
    used.
    """

    name: str
    citation: str = ""
    licence: str = ""
    role: str = ""


@dataclass(frozen=True)
class CardFacts:
    """All that a card states; what is left empty is said to be unknown or is left out.

    ``reports`` are scored sets by name ("test" for instance); ``calibration`` and ``limits`` are
    sentences; ``pictures`` of the calibration are files beside the card by what they show; ``seeds`` those of the
    runs behind the scores.
    """

    name: str
    version: str = ""
    task: str = ""
    inputs: tuple[str, ...] = ()
    data: tuple[DataSource, ...] = ()
    protocol: str = ""
    seeds: tuple[int, ...] = ()
    reports: Mapping[str, Report] = field(default_factory=dict)
    calibration: tuple[str, ...] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    licence: str = ""
    uses: tuple[str, ...] = USES
    misuses: tuple[str, ...] = MISUSES


def model_card(facts: CardFacts) -> str:
    """The card as Markdown, ending in a line break."""
    parts = [
        [f"# {_cell(' '.join(filter(None, (facts.name, facts.version))))}", _INNER_STATE],
        ["## What it does", *_what(facts)],
        ["## Data", *_data(facts.data)],
        ["## How it was tested", *_protocol(facts)],
        *[_scores(name, report) for name, report in facts.reports.items()],
        ["## Calibration", _bullets(facts.calibration or ("Not measured.",)), *_pictures(facts.pictures)],
        ["## Limits", _bullets(facts.limits or ("Not studied.",))],
        ["## What it may be used for", _bullets(facts.uses)],
        ["## What it must not be used for", _bullets(facts.misuses)],
    ]
    return "\n\n".join(block for part in parts for block in part) + "\n"


def _what(facts: CardFacts) -> list[str]:
    rows = [f"Task: {facts.task or 'not stated'}."]
    if facts.inputs:
        rows.append(f"Input: {', '.join(facts.inputs)}; any of them may be absent.")
    rows.append(f"Terms of the weights: {facts.licence or 'not stated'}.")
    return [_bullets(rows)]


def _data(sources: Sequence[DataSource]) -> list[str]:
    if not sources:
        return ["Not stated."]
    rows = [
        (one.name, one.role or "-", one.licence or "not stated", one.citation or "-") for one in sources
    ]
    return [_table(("corpus", "used for", "terms", "citation"), rows)]


def _protocol(facts: CardFacts) -> list[str]:
    seeds = ", ".join(map(str, facts.seeds)) or "not stated"
    return [_bullets([f"Split: {facts.protocol or 'not stated'}.", f"Seeds: {seeds}."])]


def _scores(name: str, report: Report) -> list[str]:
    rows = [
        (one.metric, _number(one.value), f"{_number(one.low)} to {_number(one.high)}")
        for one in report.scores
    ]
    blocks = [
        f"### Scores on {_cell(name)}",
        f"{report.n:,} clips, {report.groups:,} groups. Interval: {report.interval}.",
        _table(("metric", "value", "95 % interval"), rows),
    ]
    if report.per_class:
        columns = ("precision", "recall", "f1")
        classes = [
            (label, *(_number(row[column]) for column in columns), f"{row['n']:,.0f}")
            for label, row in report.per_class.items()
        ]
        blocks.append(_table(("class", *columns, "clips"), classes))
    return blocks


def _pictures(files: Mapping[str, str]) -> list[str]:
    return [f"![{_cell(shown).translate(_BRACKETS)}]({file})" for shown, file in files.items()]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    """Text that cannot break out of its table or line."""
    return " ".join(text.split()).replace("|", "\\|")


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_cell(line)}" for line in lines)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
