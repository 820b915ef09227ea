"""Commands that say how good a finished run is: evaluate, report, robustness, complexity, explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emofuse.apps.outputs import check_outputs, is_stdout, write_together
from emofuse.apps.progress import console, progress_bar
from emofuse.errors import ConfigError, InputError, OutputError

RunDir = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder of a finished run.", readable=False)
]
Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.", readable=False)
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Baseline = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.json|RUN",
        help="Effective robustness against a published curve, stored curves, or another run.",
    ),
]
Role = Annotated[str, typer.Option(metavar="ROLE", help="The clips: test, valid or train.")]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where figures and tables go.", readable=False)
]


def evaluate(
    run_dir: RunDir,
    train: Annotated[bool, typer.Option("--train", help="Score the training clips too.")] = False,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Scores under noise and without modalities.")
    ] = False,
    complexity: Annotated[
        bool, typer.Option("--complexity", help="Parameters, time, memory, energy.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="What each modality brings to a prediction.")
    ] = False,
    baseline: Baseline = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", readable=False, help="Further groups: id or speaker, then a column each."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", readable=False, help="Write a page with all figures."),
    ] = None,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Score a finished run: its stored predictions, and on request what needs its clips again."""
    from emofuse.apps.show import show_reports

    if not any((train, robustness, complexity, explain, baseline, groups, report, out)):
        from emofuse.experiment import evaluate_run

        reports = evaluate_run(run_dir)
        if not quiet:
            tell_protocol(run_dir)
            show_reports(reports, console())
        return
    check_outputs([report] if report else [], inputs=[groups] if groups else [])
    folder = _folder(out)

    from emofuse.apps.show_evaluation import show_evaluation
    from emofuse.assessment import Wanted, assess
    from emofuse.inference.evaluation_html import evaluation_html
    from emofuse.scrutiny import OpenedRun

    wanted = Wanted(train, robustness, complexity, explain, baseline, groups)
    with progress_bar(quiet) as progress:
        found = assess(OpenedRun(run_dir, progress=progress), wanted, progress=progress)
    if report is not None:
        write_together({report: evaluation_html(found)})
    if folder is not None:
        from emofuse.inference.evaluation_files import write_evaluation

        write_evaluation(found, folder)
    if quiet or (report is not None and is_stdout(report)):
        return
    tell_protocol(run_dir)
    show_evaluation(found, console())


def report(
    runs: Runs,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", readable=False, help="Write the comparison as a page."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another metric than the runs' first.")
    ] = None,
    table: Annotated[
        str | None, typer.Option(metavar="md|latex", help="Print the table of results of a paper instead.")
    ] = None,
    average: Annotated[
        str, typer.Option(metavar="weighted|macro", help="Of precision, recall and F1 in that table.")
    ] = "weighted",
    quiet: Quiet = False,
) -> None:
    """Compare finished runs: intervals over speakers and seeds, paired tests, one page or one table."""
    if table not in (None, "md", "latex"):
        raise ConfigError(f"--table: found {table!r}, wanted md or latex")
    check_outputs([out] if out else [], inputs=[])

    from emofuse.evaluation.results_table import results_latex, results_markdown
    from emofuse.evaluation.standings import standings_markdown
    from emofuse.gathering import class_recalls, compare_runs, gathered, result_rows, scores_on_test
    from emofuse.inference.comparison_html import comparison_html

    if table is not None:
        made = results_latex if table == "latex" else results_markdown
        typer.echo(made(result_rows(runs, average=average), average=average), nl=False)
        if out is None:
            return
    tables = compare_runs(runs, metric=metric)
    if out is not None:
        entrants = gathered(runs)
        page = comparison_html(
            tables,
            title=f"{len(runs)} runs compared",
            scores=scores_on_test(entrants),
            recalls=class_recalls(entrants),
        )
        write_together({out: page})
    if not quiet and table is None and (out is None or not is_stdout(out)):
        typer.echo(standings_markdown(tables))


def robustness(
    runs: Runs,
    noise: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this noise (may be repeated); default: the usual."),
    ] = None,
    modality: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only on this modality (may be repeated).")
    ] = None,
    strengths: Annotated[
        str, typer.Option(metavar="S,S,...", help="Rising from 0 to at most 1.")
    ] = "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9",
    seeds: Annotated[int, typer.Option(min=1, help="How often chance is drawn.")] = 1,
    baseline: Baseline = None,
    role: Role = "test",
    clips: Annotated[
        int, typer.Option(min=0, help="At most so many, evenly spaced; 0: all.", metavar="N")
    ] = 0,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Score runs under noise of rising strength, and with every subset of their modalities."""
    levels = _strengths(strengths)
    folder = _folder(out)

    from emofuse.evaluation.robustness_study import study_markdown, write_study
    from emofuse.scrutiny import OpenedRun, measure_study

    with progress_bar(quiet) as progress:
        made = measure_study(
            [OpenedRun(one, most=clips, progress=progress) for one in runs],
            noises=noise or (),
            modalities=modality or (),
            strengths=levels,
            seeds=range(seeds),
            role=role,
            against=baseline,
            progress=progress,
        )
    if folder is not None:
        write_study(made, folder)
    if not quiet:
        typer.echo(study_markdown(made), nl=False)
        if folder is not None:
            typer.echo(f"figures and tables: {folder}")


def complexity(
    target: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", readable=False, help="A finished run, or a bundle.")
    ],
    runs: Annotated[int, typer.Option(min=1, help="How often one clip is timed.")] = 50,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Random clips of so many frames; a run's own clips otherwise.")
    ] = None,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Measure what a model costs: parameters, multiply-adds, time, throughput, memory, energy, disk."""
    folder = _folder(out)

    from emofuse.apps.show_evaluation import show_costs
    from emofuse.assessment import bundle_costs, run_costs
    from emofuse.evaluation.complexity import Plan
    from emofuse.scrutiny import OpenedRun

    with progress_bar(quiet) as progress:
        if frames is None and (target / "config.toml").is_file():
            found = run_costs(OpenedRun(target, progress=progress), plan=Plan(runs=runs), progress=progress)
        else:
            found = bundle_costs(target, plan=Plan(runs=runs), frames=frames or 50, progress=progress)
    if folder is not None:
        from emofuse.inference.evaluation_files import write_costs

        write_costs(found, folder)
    if not quiet:
        show_costs(found, console())


def explain(
    clip: Annotated[
        Path, typer.Argument(metavar="CLIP", readable=False, help="A video, sound, picture or text.")
    ],
    transcript: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="The words of CLIP: srt, vtt or txt."),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="STR", help="The words of CLIP, as they are.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(metavar="DIR", readable=False, help="Another model: a bundle or the folder of a run."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="NAME", help="Explain this class, not the likeliest.")
    ] = None,
    out: Out = None,
    quiet: Quiet = False,
) -> None:
    """Say what in a clip made the model say what it says: modalities, words, stretches of sound and pictures."""
    for path in (clip, *([transcript] if transcript else [])):
        if not path.is_file():
            raise InputError(f"{path}: no such file")
    folder = _folder(out)

    from emofuse.apps.show_evaluation import show_explanation
    from emofuse.inference.explanation import How
    from emofuse.inference.explanation import explain as explain_clip

    with progress_bar(quiet) as progress:
        found = explain_clip(
            bundle, clip, transcript=transcript, text=text, how=How(label=label), progress=progress
        )
    if folder is not None:
        from emofuse.inference.explanation_pictures import write_explanation

        write_explanation(found, folder)
    if not quiet:
        show_explanation(found, console())


def tell_protocol(folder: Path) -> None:
    """How the clips were split, and what an audit says of that, before any score."""
    from emofuse.inference.runs import protocol_of

    protocol, verdict = protocol_of(folder)
    for line in filter(None, (protocol and f"protocol: {protocol}", verdict)):
        typer.echo(line)


def _strengths(said: str) -> tuple[float, ...]:
    try:
        found = tuple(float(one) for one in said.split(","))
    except ValueError:
        raise ConfigError(f"--strengths: found {said!r}, wanted numbers with commas between them") from None
    from emofuse.evaluation.curves import check_strengths

    try:
        check_strengths(found)
    except ValueError as error:
        raise ConfigError(f"--strengths: {error}") from error
    return found


def _folder(out: Path | None) -> Path | None:
    """The folder of the outputs, made before the work starts.

    Raises:
        OutputError: it cannot be made.
    """
    if out is None:
        return None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made ({error.strerror})") from error
    return out
