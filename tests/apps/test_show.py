import io
import re
from dataclasses import replace

from rich.console import Console

from emofuse.apps.show import plain_lines, show_result


def shown(result, *, width=120, encoding="utf-8", colours=None):
    raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    console = Console(file=raw, force_terminal=True, width=width, color_system=colours, markup=False)
    show_result(result, console)
    raw.flush()
    return (
        re.sub(r"\x1b\[[0-9;]*m", "", raw.buffer.getvalue().decode(encoding))
        if colours is None
        else (raw.buffer.getvalue().decode(encoding))
    )


def test_a_terminal_shows_time_speaker_words_and_who_judged(result):
    text = shown(result)
    for part in ("0:00.0–0:02.0", "Ada", "I won!", "joy", "60%", "text", "confidence"):
        assert part in text
    assert "text 100%" in text


def test_colours_are_used_where_there_are_any(result):
    assert "\x1b[1;38;2;230;159;0mjoy" in shown(result, colours="truecolor")


def test_a_narrow_terminal_shows_all_columns(result):
    text = shown(result, width=80)
    assert "I won!" in text
    assert "t - -" in text
    assert max(map(len, text.splitlines()[3:])) <= 80


def test_words_are_never_taken_for_markup(result):
    segment = replace(result.segments[0], text="[red]stop[/red] [/]")
    assert "[red]stop[/red] [/]" in shown(replace(result, segments=(segment,)))


def test_columns_without_content_are_left_out(result):
    silent = tuple(replace(part, text=None, speaker=None) for part in result.segments)
    text = shown(replace(result, segments=silent))
    assert "words" not in text
    assert "speaker" not in text


def test_an_ascii_terminal_gets_an_ascii_bar(result):
    assert "#######" in shown(result, encoding="ascii")


def test_warnings_are_listed(result):
    assert "! it was dark" in shown(replace(result, warnings=("it was dark",)))


def test_plain_lines_hold_one_segment_each_whatever_it_says(result):
    segment = replace(result.segments[0], text="one\ttwo\nthree")
    lines = plain_lines(replace(result, segments=(segment,), warnings=("a\nb",)))
    assert len(lines) == 4
    assert lines[2].endswith("\tone two three")
    assert lines[3] == "# warning: a b"
