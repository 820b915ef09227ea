"""What the figures of this room share: a sheet, colours that colour-blind readers tell apart, bytes to write.

Colours are Okabe & Ito's; what is positive and what is negative differs by colour and by sign or hatching, and
no meaning hangs on colour alone.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from emofuse.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
INK, MUTED, GRID = "#1f2933", "#7b8794", "#e4e7eb"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
MARKERS = "osD^vPX"
LINES = ("-", "--", "-.", ":")
# For the class that is explained, and against it.
FOR, AGAINST = "#0072b2", "#d55e00"
_DPI = 150


def sheet(width_in: float, height_in: float) -> Figure:
    """An empty white figure of that size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), dpi=_DPI, layout="constrained", facecolor="white")


def dressed(axes: Axes, title: str = "") -> Axes:
    """Axes with a light grid behind the data, quiet spines, and a title on the left."""
    axes.set_axisbelow(True)
    axes.grid(color=GRID, linewidth=0.8)
    axes.tick_params(colors=INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(MUTED)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    if title:
        axes.set_title(title, loc="left", fontsize=10, color=INK, pad=9)
    return axes


def drawn(figure: Figure, kind: str) -> bytes:
    """The figure as "png" or "svg"; the same numbers give the same bytes.

    Raises:
        OutputError: another kind is asked for.
    """
    import matplotlib

    if kind not in FORMATS:
        raise OutputError(f"a picture is one of {', '.join(FORMATS)}, got {kind!r}")
    # Without dates, versions and random ids in them.
    facts = {"Software": None} if kind == "png" else {"Date": None}
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "emofuse", "svg.fonttype": "path"}):
        figure.savefig(buffer, format=kind, bbox_inches="tight", pad_inches=0.15, metadata=facts)
    return buffer.getvalue()
