"""How long media last by what their container says: nothing is decoded, no packet is walked over."""

from __future__ import annotations

from emofuse.errors import MediaError
from emofuse.features.containers import opened
from emofuse.features.pictures import is_picture
from emofuse.types import Media


def stated_seconds(media: Media) -> float | None:
    """The length that the container states (of some formats, such as MP3, what libav infers from the rate of
    bits); None for a picture, where nothing states one, and where the file cannot be opened.

    `media.probe` finds the true one, at the price of reading the file through.
    """
    try:
        if is_picture(media):
            return None
        with opened(media) as container:
            stated = [(container.duration or 0) / 1e6]
            if stated[0] <= 0:
                stated = [float(one.duration * one.time_base) for one in container.streams if one.duration]
    except MediaError:
        return None
    return max(stated, default=0.0) or None
