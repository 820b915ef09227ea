import numpy as np
import pytest

from emofuse.errors import MediaError
from emofuse.features import load_extractor
from emofuse.features.cache import Cache
from emofuse.features.extraction import extract
from emofuse.types import Clip, Picture, Track


def found_in(path):
    extractors = {"audio": load_extractor("log_mel"), "video": load_extractor("picture")}
    return extract([Clip("one", media=path)], extractors, cache=Cache(None))[0]


@pytest.mark.parametrize(
    ("name", "options", "there"),
    [
        ("a.flac", {}, {"audio"}),
        ("a.mp4", {"with_audio": False}, {"video"}),
        ("a.mp4", {"with_video": False}, {"audio"}),
        ("a.mp4", {}, {"audio", "video"}),
    ],
)
def test_a_stream_that_a_clip_lacks_is_left_out(write_clip, name, options, there):
    assert set(found_in(write_clip(name, seconds=0.5, **options))) == there


def test_a_picture_has_no_sound(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((48, 48), 100, np.uint8)).save(tmp_path / "a.png")
    assert set(found_in(tmp_path / "a.png")) == {"video"}
    assert set(found_in(Picture(np.full((48, 48), 100, np.uint8)))) == {"video"}


def test_a_damaged_clip_is_an_error_that_names_it(write_clip):
    path = write_clip("a.mp4")
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(MediaError, match="clip one"):
        found_in(path)


class Published:
    """An extractor of another package that says nothing of the cache."""

    name, source, dim, files, settings = "published", "vectors", 1, (), {}

    def __call__(self, given):
        return Track(np.asarray(given["v"], np.float32)[None], np.zeros(1))


def test_published_vectors_are_never_taken_for_those_of_another_clip(tmp_path):
    clips = [Clip(name, vectors={"v": np.array([value])}) for name, value in (("a", 1.0), ("b", 2.0))]
    tracks = extract(clips, {"x": Published()}, cache=Cache(tmp_path))
    assert [one["x"].values.item() for one in tracks] == [1.0, 2.0]
