"""The command that says what is wrong with a corpus."""

from __future__ import annotations

import json as json_format
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emofuse.apps.corpora import Option, reader_options
from emofuse.errors import ConfigError

if TYPE_CHECKING:  # numpy, which the other commands do not wait for
    from emofuse.types import Corpus, Split


def audit_corpus(
    target: Annotated[
        list[Path],
        typer.Argument(metavar="STORE | DATASET PATH", help="A store, or a dataset and its place."),
    ],
    options: Option = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Judge under this split, not the official.")
    ] = None,
    split_options: Annotated[
        list[str] | None,
        typer.Option(
            "--split-option", metavar="KEY=VALUE", help="A keyword of the split, such as by=source."
        ),
    ] = None,
    media: Annotated[bool, typer.Option("--media/--no-media", help="Decode sounds and pictures.")] = True,
    faces: Annotated[bool, typer.Option("--faces", help="Look for faces too (slow).")] = False,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", readable=False, help="Write all evidence as JSON.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")] = False,
) -> None:
    """Say what is wrong with a corpus; exits with 1 where there is a leak or a fault."""
    from emofuse.apps.outputs import check_outputs, is_stdout, write_together
    from emofuse.audit import CHECKS, NEED_MEDIA, SLOW, audit, verdict_line

    check_outputs([json] if json else [], inputs=[])
    corpus = _corpus(target, reader_options(options))
    checks = [name for name in CHECKS if (media or name not in NEED_MEDIA) and (faces or name not in SLOW)]
    made = _split(corpus, split, split_options)
    report = audit(corpus, split=made, checks=checks)
    if json is not None:
        write_together({json: json_format.dumps(report.to_dict(), indent=1) + "\n"})
    if json is None or not is_stdout(json):
        if not quiet:
            typer.echo(f"{report.corpus}: {report.clips} clips; checked {', '.join(report.checked)}")
            for finding in report.findings:
                typer.echo(f"{finding.severity:<8} {finding.check}: {finding.message}")
            for name, reason in report.skipped.items():
                typer.echo(f"skipped  {name}: {reason}")
        typer.echo(verdict_line(report))
    if report.failed:
        raise typer.Exit(1)


def _split(corpus: Corpus, name: str | None, given: list[str] | None) -> Split | None:
    from emofuse.datasets.splits import SPLITS
    from emofuse.models.recipe import make

    options = reader_options(given, flag="--split-option")
    if name is not None:
        made: Split = make(SPLITS, {**options, "name": name}, corpus)
        return made
    if options:
        raise ConfigError("--split-option is for the split that --split names; it names none")
    return None


def _corpus(target: list[Path], options: dict[str, Any]) -> Any:
    from emofuse.datasets import DATASETS, load_corpus
    from emofuse.datasets.packed import verify_store

    if len(target) == 1:
        if options:
            raise ConfigError("--option goes to the reader of a dataset; a store has none")
        corpus = load_corpus("packed", target[0])
        # A wrong bit in an array is nothing that a check could tell. Media are opened by a check of their own.
        verify_store(target[0], media=False)
        return corpus
    if len(target) != 2:
        raise ConfigError(f"found {len(target)} arguments, wanted a STORE, or a DATASET and its PATH")
    name, path = str(target[0]), target[1]
    # What a reader drops by default is what an audit is to find.
    if "duplicates" in signature(DATASETS.load(name)).parameters:
        options = {"duplicates": "keep", **options}
    return load_corpus(name, path, **options)
