"""The command line: parse, call, show. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from emofuse import __version__
from emofuse.apps import evaluation
from emofuse.apps.audit import audit_corpus
from emofuse.apps.corpora import export_store, import_dataset, inspect_store
from emofuse.apps.evaluation import tell_protocol
from emofuse.apps.outputs import check_outputs, is_stdout, write_together
from emofuse.apps.progress import Progress, console, progress_bar
from emofuse.errors import EmofuseError, InputError, MediaError, UnknownNameError

# kind -> where its table stands
TABLES = {
    "datasets": "emofuse.datasets:DATASETS",
    "features": "emofuse.features:EXTRACTORS",
    "models": "emofuse.models:MODELS",
    "encoders": "emofuse.models.encoders:ENCODERS",
    "fusions": "emofuse.models.fusions:FUSIONS",
    "metrics": "emofuse.evaluation.metrics:METRICS",
    "perturbations": "emofuse.perturbations:PERTURBATIONS",
    "objectives": "emofuse.training.objectives:OBJECTIVES",
    "bundles": "",
}


class _Door(TyperGroup):
    """Shows our own errors, and the system's, as one line and exits with 2; ``--debug`` lets them through."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever read the output has had enough
            raise
        except (EmofuseError, OSError) as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_Door,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Multimodal emotion recognition: from a raw clip to fused, calibrated emotions.",
)


def main() -> None:
    """The console script; text that the terminal's encoding lacks is replaced, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="emofuse")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"emofuse {__version__}")
        raise typer.Exit


@app.callback()
def door(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Multimodal emotion recognition: from a raw clip to fused, calibrated emotions."""


@app.command(no_args_is_help=True)
def recognize(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", readable=False, help="Videos, audio files, pictures, texts, srt or vtt."
        ),
    ],
    transcript: Annotated[
        Path | None,
        typer.Option(metavar="FILE", readable=False, help="The words of PATH: srt, vtt or txt."),
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="STR", help="The words of PATH, as they are.")] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", readable=False, help="Write the result as JSON.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", readable=False, help="Write a page with the timeline."),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Another model: a bundle or the folder of a run.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither read nor keep earlier results.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Recognise the emotions that a clip expresses, over time."""
    _check_recognize(paths, transcript, text, [path for path in (json, report) if path is not None])

    from emofuse.features.cache import Cache
    from emofuse.inference.predictor import Recognizer

    recognizer = Recognizer(bundle, cache=Cache(None) if no_cache else None)
    results = []
    with progress_bar(quiet) as progress:
        for path in paths:
            results.append(
                recognizer.predict(path, transcript=transcript, text=text, progress=_named(progress, path))
            )

    outputs: dict[Path, str] = {}
    if json is not None:
        from emofuse.inference.result import results_json

        outputs[json] = results_json(results)
    if report is not None:
        from emofuse.inference.timeline_html import report_html

        outputs[report] = report_html(results)
    write_together(outputs)
    if quiet or any(is_stdout(path) for path in outputs):
        return

    from emofuse.apps.show import show_result

    shown = console()
    for result in results:
        show_result(result, shown)


@app.command(no_args_is_help=True)
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What is trained, on what, how.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one key, for instance seed=2."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run folder.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh/--resume", help="Begin anew, or go on where a run was cut off.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Train and test what a configuration describes, into a run folder."""
    from emofuse.experiment import run

    with progress_bar(quiet) as progress:
        made = run(config, overrides or [], out=out, fresh=fresh, progress=progress)
    # Under torchrun the first process speaks for all.
    if not quiet and os.environ.get("RANK", "0") == "0":
        from emofuse.apps.show import show_reports

        typer.echo(f"run folder: {made.folder}")
        tell_protocol(made.folder)
        show_reports(made.reports, console())


@app.command(no_args_is_help=True)
def compare(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.toml", help="Models, datasets, seeds, one protocol.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one key of the plan, for instance seeds=[1]."),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Another split for every run, by its name.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where runs and tables go.")] = None,
    processes: Annotated[int, typer.Option(min=0, help="How many runs at once; 0 is one a core.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Compare models on datasets over seeds under one protocol, with intervals and paired tests."""
    from emofuse.compare import compare as compare_runs
    from emofuse.compare import load_plan
    from emofuse.evaluation.standings import standings_markdown

    read = load_plan(plan, overrides or [], protocol=protocol)
    folder = out or Path("runs") / read.name
    with progress_bar(quiet) as progress:
        tables = compare_runs(read, folder, processes=processes, progress=progress)
    if not quiet:
        typer.echo(standings_markdown(tables))
        typer.echo(f"tables and runs: {folder}")


@app.command(no_args_is_help=True)
def sweep(
    plan: Annotated[
        Path, typer.Argument(metavar="SWEEP.toml", help="A base configuration and the space of its keys.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set one key of the plan, for instance trials=50."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where database and table go.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Search hyper-parameters on validation alone; a search that was cut off goes on."""
    from emofuse.apps.show import show_trials
    from emofuse.sweep import load_search, search

    read = load_search(plan, overrides or [])
    folder = out or Path("runs") / read.name
    with progress_bar(quiet) as progress:
        found = search(read, folder, progress=progress)
    if not quiet:
        show_trials(found, console())
        typer.echo(f"best, to be trained with emofuse train: {folder / 'best.toml'}")


@app.command(no_args_is_help=True)
def extract(
    target: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.toml|FOLDER", help="A configuration, or a folder of own clips."),
    ],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Compute features into the cache, so that a training begins at once."""
    from emofuse.experiment import extract as extract_features

    with progress_bar(quiet) as progress:
        counts = extract_features(target, progress=progress)
    if not quiet:
        for name, count in counts.items():
            typer.echo(f"{name}\t{count} clips")


app.command("import", no_args_is_help=True)(import_dataset)
app.command("inspect", no_args_is_help=True)(inspect_store)
app.command("export", no_args_is_help=True)(export_store)
app.command("audit", no_args_is_help=True)(audit_corpus)
app.command("evaluate", no_args_is_help=True)(evaluation.evaluate)
app.command("report", no_args_is_help=True)(evaluation.report)
app.command("robustness", no_args_is_help=True)(evaluation.robustness)
app.command("complexity", no_args_is_help=True)(evaluation.complexity)
app.command("explain", no_args_is_help=True)(evaluation.explain)


@app.command("list", no_args_is_help=True)
def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of: {', '.join(TABLES)}.")],
    with_terms: Annotated[
        bool, typer.Option("--terms", help="Datasets: citation, licence and consent too.")
    ] = False,
) -> None:
    """List what can be named: one name per line, then its one-line description."""
    from emofuse.apps.show import show_entries

    entries = _entries(kind)
    if not with_terms:
        show_entries(entries, console())
        return
    if kind != "datasets":
        raise UnknownNameError(f"--terms is known of datasets, not of {kind}")
    from emofuse.datasets import terms

    for name, entry in entries.items():
        stated = terms(name)
        typer.echo(f"{name}  {entry.about}")
        typer.echo(f"  citation: {stated.citation}\n  terms: {stated.licence}\n  {stated.consent}")


def _entries(kind: str) -> Mapping[str, Any]:
    if kind not in TABLES:
        near = get_close_matches(kind, TABLES, n=1, cutoff=0.4) or list(TABLES)
        raise UnknownNameError(f"nothing is listed under {kind!r}; did you mean {', '.join(near)}?")
    if kind == "bundles":
        return _bundles()
    module, name = TABLES[kind].split(":")
    table: Mapping[str, Any] = getattr(import_module(module), name)
    return table


def _bundles() -> Mapping[str, Any]:
    import tomllib

    from emofuse.inference.bundle import DEFAULT_BUNDLE, MANIFEST
    from emofuse.registry import Entry

    found = {}
    for path in sorted(DEFAULT_BUNDLE.parent.glob(f"*/{MANIFEST}")):
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        default = ", the default" if path.parent == DEFAULT_BUNDLE else ""
        about = f"version {facts.get('version')}{default}: {', '.join(facts.get('labels', []))}"
        found[path.parent.name] = Entry(str(path.parent), about)
    return found


def _check_recognize(
    paths: Sequence[Path], transcript: Path | None, text: str | None, outputs: Sequence[Path]
) -> None:
    """Everything that can be refused before the work starts."""
    if len(paths) > 1 and (transcript is not None or text is not None):
        raise InputError(f"--transcript and --text are the words of one clip; found {len(paths)} paths")
    for path in (*paths, *([transcript] if transcript else [])):
        if path.is_dir():
            raise MediaError(f"{path}: found a folder, wanted a file")
        if not path.exists():
            raise MediaError(f"{path}: no such file")
    check_outputs(outputs, inputs=[*paths, *([transcript] if transcript else [])])


def _named(progress: Progress, path: Path) -> Progress:
    return lambda stage, done: progress(f"{path.name}: {stage}", done)
