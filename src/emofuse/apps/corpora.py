"""Commands on corpora: import into a store, look into it, give it back."""

from __future__ import annotations

import json as json_format
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from emofuse.errors import ConfigError, UnknownNameError

Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="KEY=VALUE", help="A keyword of the reader, for instance task=sentiment."
    ),
]


# What the commands themselves pass on; none is a keyword of a reader.
_TAKEN = ("name", "path", "store", "copy_media")


def import_dataset(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A name of `emofuse list datasets`.")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Where its files lie.", readable=False)],
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The folder to write.", readable=False)],
    options: Option = None,
    copy_media: Annotated[
        bool, typer.Option("--copy-media", help="Put the media into the store; else only where they lie.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Turn a published layout into one safe store."""
    from emofuse.datasets import import_corpus

    corpus = import_corpus(dataset, path, store, copy_media=copy_media, **reader_options(options))
    if not quiet:
        typer.echo(f"{store}: {len(corpus.clips)} clips of {corpus.name}")
        for note in corpus.notes:
            typer.echo(f"note: {note}")


def inspect_store(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The folder of a store.", readable=False)],
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", readable=False, help="Write the facts as JSON.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file and compare checksums.")
    ] = False,
) -> None:
    """Show what is in a store."""
    from emofuse.apps.outputs import check_outputs, is_stdout, write_together
    from emofuse.datasets.packed import describe_store, verify_store

    check_outputs([json] if json else [], inputs=[])
    if verify:
        verify_store(store)
    facts = describe_store(store)
    if json is not None:
        write_together({json: json_format.dumps(facts, indent=1) + "\n"})
        if is_stdout(json):
            return
    for line in _lines(facts):
        typer.echo(line)
    if verify:
        typer.echo("checksums: all as written")


def export_store(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The folder of a store.", readable=False)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="What is written.", readable=False)],
    to: Annotated[str, typer.Option(metavar="FORM", help="mmsa, csv or huggingface.")],
) -> None:
    """Give a store back in a form that other tools read."""
    from emofuse.datasets.exports import export_corpus
    from emofuse.datasets.packed import read_packed

    corpus = read_packed(store)
    written = export_corpus(corpus, to, out)
    lost = len(corpus.clips) - written
    typer.echo(f"{out}: {written} clips as {to}" + (f"; it has no place for {lost} others" if lost else ""))


def reader_options(given: list[str] | None, *, flag: str = "--option") -> dict[str, Any]:
    """``key=value`` strings as keywords; a value is TOML, or a bare word.

    Raises:
        ConfigError: one has another form.
        UnknownNameError: one is no reader's keyword but the command's own.
    """
    found: dict[str, Any] = {}
    for one in given or []:
        key, equals, raw = one.partition("=")
        key = key.strip()
        if not equals or not key.isidentifier():
            raise ConfigError(f"{flag} {one!r}: wanted key=value")
        if key in _TAKEN:
            raise UnknownNameError(f"{flag} {one!r}: there is no option {key!r}")
        try:
            found[key] = tomllib.loads(f"value = {raw}")["value"]
        except tomllib.TOMLDecodeError:
            found[key] = raw
    return found


def _lines(facts: Mapping[str, Any]) -> list[str]:
    lines = [f"{facts['name']}: {facts['clips']} clips, {facts['bytes'] / 1e6:.1f} MB"]
    groups = {name: facts[name] for name in ("speakers", "dialogues", "sources", "texts") if facts[name]}
    if groups:
        lines.append("  " + ", ".join(f"{count} {name}" for name, count in groups.items()))
    for title in ("splits", "labels", "media"):
        known = {key: count for key, count in facts[title].items() if key != "None"}
        if known:
            lines.append(f"{title}: " + ", ".join(f"{key} {count}" for key, count in known.items()))
    if len(facts["labels_by_split"]) > 1:
        lines += [
            f"  {split}: " + ", ".join(f"{label} {count}" for label, count in counts.items())
            for split, counts in facts["labels_by_split"].items()
        ]
    lines += [
        f"rating {name}: {one['n']} clips, {one['low']:g} to {one['high']:g}, mean {one['mean']:.3f}"
        for name, one in facts["ratings"].items()
    ]
    for key, one in facts["tracks"].items():
        shortest, _, middle, _, longest = one["length_quantiles"]
        lines.append(
            f"track {key}: {one['clips']} clips, {one['dim']} wide {one['type']}, "
            f"{shortest} to {longest} frames (median {middle}), {one['extractor']} {one['version']}".rstrip()
        )
    lines += [f"licence: {facts['licence']}", f"citation: {facts['citation']}"]
    return lines + [f"note: {note}" for note in facts["notes"]]
