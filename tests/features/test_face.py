"""Faces: found, followed, framed; and what happens where there is none."""

import os
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from emofuse.errors import MissingModalityError
from emofuse.features.face import NO_FACE, FaceCrops, WholePicture, find_faces
from emofuse.features.face_detector import FaceDetector, Square, cut, grey_of, resized
from emofuse.types import Frame, Track

# Measured by eye in the portrait of 512 x 512: from the hair line to the chin and from cheek to cheek.
KNOWN = (172, 62, 104, 110)


@pytest.fixture(scope="module")
def portrait():
    return skimage.data.astronaut()


def still(pixels):
    return [Frame(0.0, pixels)]


def clip(pictures, step_s=0.2):
    return [Frame(step_s * index, np.ascontiguousarray(pixels)) for index, pixels in enumerate(pictures)]


def overlap(box, other):
    (x, y, width, height), (u, v, breadth, tallness) = box, other
    shared = max(0, min(x + width, u + breadth) - max(x, u)) * max(
        0, min(y + height, v + tallness) - max(y, v)
    )
    return shared / (width * height + breadth * tallness - shared)


def scaled(pixels, factor):
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("factor", [0.25, 0.5, 1.0, 2.0])
def test_a_portrait_has_one_face_at_its_known_place_at_any_size(portrait, factor):
    (found,), warnings = find_faces(still(scaled(portrait, factor)))
    assert warnings == ()
    assert overlap(found.boxes[0] / factor, KNOWN) > 0.7
    assert found.track.values.shape == (1, 48 * 48)
    assert found.track.values.dtype == np.uint8
    assert 0.5 < found.scores[0] <= 1
    assert found.mean_area == pytest.approx(found.boxes[0, 2] ** 2, rel=1e-5)


def test_the_crop_shows_what_the_box_says(portrait):
    (found,), _ = find_faces(still(portrait))
    x, y, side, _ = np.round(found.boxes[0]).astype(int)
    expected = resized(grey_of(portrait)[y : y + side, x : x + side], 48)
    crop = found.track.values[0].reshape(48, 48)
    assert np.corrcoef(crop.ravel(), expected.ravel())[0, 1] > 0.97


def test_grey_and_colour_give_the_same_face(portrait):
    colour, _ = find_faces(still(portrait))
    grey, _ = find_faces(still(grey_of(portrait)))
    assert np.array_equal(colour[0].track.values, grey[0].track.values)
    assert grey[0].best.ndim == 3


def test_the_picture_for_display_is_small_and_in_colour(portrait):
    (found,), _ = find_faces(still(scaled(portrait, 2.0)))
    assert found.best.shape == (160, 160, 3)
    assert found.best.dtype == np.uint8


def test_a_moving_face_is_one_track_that_follows_it(portrait):
    shifts = [6 * step for step in range(20)]
    frames = clip([np.roll(portrait, shift, axis=1)[:360] for shift in shifts])
    (found,), warnings = find_faces(frames)
    assert warnings == ()
    assert len(found) == 20
    assert found.track.times == pytest.approx([frame.time_s for frame in frames])
    middles = found.boxes[:, 0] + found.boxes[:, 2] / 2
    assert middles - middles[0] == pytest.approx(shifts, abs=6)


def test_boxes_of_a_face_that_stands_still_do_not_jitter(portrait):
    rng = np.random.default_rng(0)
    noisy = [
        np.clip(portrait + rng.normal(0, 6, portrait.shape), 0, 255).astype(np.uint8) for _ in range(10)
    ]
    (found,), _ = find_faces(clip(noisy))
    assert len(found) == 10
    assert np.ptp(found.boxes[:, 2]) < 0.06 * found.boxes[0, 2]


def test_a_short_gap_is_bridged_and_a_long_one_is_not(portrait):
    small = scaled(portrait, 0.5)
    blank = np.full_like(small, 128)
    short, _ = find_faces(clip([small] * 5 + [blank] * 3 + [small] * 5))
    assert [len(found) for found in short] == [10]
    long, _ = find_faces(clip([small] * 5 + [blank] * 9 + [small] * 5))
    assert len(long) == 2


def test_a_face_under_a_bar_for_a_moment_is_followed_and_scores_nothing(portrait):
    small = scaled(portrait, 0.5)
    barred = small.copy()
    barred[42:56, 84:140] = 60  # over both eyes: the cascades see no face
    (found,), _ = find_faces(clip([small] * 3 + [barred] * 2 + [small] * 3))
    followed = np.flatnonzero(found.scores == 0).tolist()
    assert set(followed) <= {3, 4}
    assert len(found) == 6 + len(followed)


def test_a_frame_of_another_size_in_between_does_no_harm(portrait):
    small = scaled(portrait, 0.5)
    strips = [
        np.full((100, 40, 3), 80, np.uint8),
        np.zeros((2, 3, 3), np.uint8),
        np.zeros((30, 900), np.uint8),
    ]
    (found,), _ = find_faces(clip([small, small, *strips, small]))
    assert len(found) == 3


def test_a_face_that_leaves_the_frame_ends_there(portrait):
    shifted = [portrait[:300, shift:] for shift in range(0, 400, 25)]
    (found,), _ = find_faces(clip(shifted))
    assert 6 <= len(found) <= 12


def test_a_cut_to_a_closer_shot_of_the_same_face_stays_one_track(portrait):
    wide, close = portrait[:360], scaled(portrait, 1.7)[40:400, 120:632]
    (found,), _ = find_faces(clip([wide] * 5 + [close] * 5))
    assert len(found) == 10
    assert found.boxes[-1, 2] > 1.5 * found.boxes[0, 2]
    assert np.all(found.boxes[:5, 2] < 120)


def test_two_portraits_are_two_tracks_with_a_warning(portrait):
    larger = scaled(portrait, 1.25)[:512, :600]
    together = np.hstack([portrait, larger[:, ::-1]])
    tracks, warnings = find_faces(clip([together] * 3))
    assert [len(found) for found in tracks] == [3, 3]
    assert tracks[0].importance > tracks[1].importance
    assert tracks[0].boxes[0, 0] > 512
    assert warnings == ("2 faces: the largest and longest visible is used",)


def test_one_face_after_the_other_is_no_two_faces_at_once(portrait):
    small = scaled(portrait, 0.5)
    blank = np.full_like(small, 128)
    tracks, warnings = find_faces(clip([small] * 5 + [blank] * 9 + [small] * 5))
    assert len(tracks) == 2
    assert warnings == ()


@pytest.mark.parametrize("name", ["coffee", "cat", "rocket", "grass", "page"])
def test_pictures_without_people_have_no_face(name):
    pixels = getattr(skimage.data, name)()
    assert find_faces(still(pixels)) == ((), (NO_FACE,))
    assert find_faces(clip([pixels] * 3)) == ((), (NO_FACE,))


def test_noise_blank_frames_and_no_frames_have_no_face():
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    assert find_faces(still(noise)) == ((), (NO_FACE,))
    assert find_faces(still(np.zeros((240, 320, 3), np.uint8))) == ((), (NO_FACE,))
    assert find_faces(still(np.full((48, 48), 90, np.uint8))) == ((), (NO_FACE,))
    assert find_faces([]) == ((), (NO_FACE,))


def test_a_small_frame_without_a_find_is_taken_whole_and_unchanged():
    small = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    (found,), (warning,) = find_faces(clip([small, small]))
    assert np.array_equal(found.track.values, np.stack([small.ravel()] * 2))
    assert found.boxes.tolist() == [[0, 0, 48, 48]] * 2
    assert "small" in warning and "whole frame" in warning


@pytest.mark.parametrize("size_px", [48, 90, 256])
def test_a_tight_crop_is_taken_whole_at_any_size(portrait, size_px):
    x, y, width, _ = KNOWN
    tight = cv2.resize(grey_of(portrait)[y : y + width, x : x + width], (size_px, size_px))
    (found,), (warning,) = find_faces(still(tight))
    assert found.boxes[0].tolist() == [0, 0, size_px, size_px]
    assert "whole frame" in warning


def test_a_face_in_a_small_frame_is_cropped_and_not_taken_whole(portrait):
    (found,), warnings = find_faces(still(scaled(portrait[:320, 60:380], 0.3)))
    assert warnings == ()
    assert found.boxes[0, 2] < 48


def test_faces_smaller_than_asked_for_are_left_out(portrait):
    assert find_faces(still(portrait), min_side_px=150) == ((), (NO_FACE,))


def test_a_track_is_cut_by_time(portrait):
    (found,), _ = find_faces(clip([scaled(portrait, 0.5)] * 6))
    part = found.between(0.2, 0.6)
    assert len(part) == len(part.boxes) == len(part.scores) == len(part.track) == 2
    empty = found.between(5.0, 6.0)
    assert len(empty) == 0
    assert empty.mean_area == 0


def test_single_faces_carry_crop_box_and_time(portrait):
    (found,), _ = find_faces(clip([scaled(portrait, 0.5)] * 2))
    faces = found.faces()
    assert [face.time_s for face in faces] == [0.0, 0.2]
    assert faces[1].crop.shape == (48, 48)
    assert faces[0].box == pytest.approx(found.boxes[0].tolist())


def test_the_face_extractor_gives_the_main_track(portrait):
    extractor = FaceCrops()
    track = extractor(clip([scaled(portrait, 0.5)] * 3))
    assert isinstance(track, Track)
    assert track.values.shape == (3, extractor.dim) == (3, 2304)
    assert (extractor.name, extractor.source, extractor.files) == ("face", "video", ())
    assert extractor.settings != FaceCrops(side_px=32).settings
    assert FaceCrops(side_px=32)(still(portrait)).values.shape == (1, 1024)


def test_the_face_extractor_says_that_there_is_no_face():
    with pytest.raises(MissingModalityError, match=NO_FACE):
        FaceCrops()(still(np.zeros((240, 320, 3), np.uint8)))


def test_extractors_refuse_a_side_of_nothing():
    with pytest.raises(ValueError, match="side_px"):
        FaceCrops(side_px=0)
    with pytest.raises(ValueError, match="side_px"):
        WholePicture(side_px=-1)


def test_a_whole_picture_of_the_right_size_comes_out_unchanged():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (48, 48), np.uint8)
    extractor = WholePicture()
    assert np.array_equal(extractor(still(grey)).values, grey.reshape(1, -1))
    assert np.array_equal(
        extractor(still(np.repeat(grey[:, :, None], 3, axis=2))).values, grey.reshape(1, -1)
    )


@pytest.mark.parametrize(
    ("height", "width", "top", "left"), [(48, 60, 0, 6), (61, 48, 6, 0), (49, 48, 0, 0)]
)
def test_a_whole_picture_is_the_middle_square(height, width, top, left):
    wide = np.random.default_rng(1).integers(0, 256, (height, width), np.uint8)
    values = WholePicture()(still(wide)).values
    assert np.array_equal(values.reshape(48, 48), wide[top : top + 48, left : left + 48])


def test_whole_pictures_keep_their_times_and_need_a_frame():
    track = WholePicture(side_px=8)(clip([np.zeros((20, 30, 3), np.uint8)] * 3))
    assert track.times.tolist() == pytest.approx([0.0, 0.2, 0.4])
    assert track.values.shape == (3, 64)
    with pytest.raises(MissingModalityError):
        WholePicture()([])


def test_overlap_of_squares_by_hand():
    first = Square(5, 5, 10)
    assert first.overlap(first) == 1
    assert first.overlap(Square(10, 5, 10)) == pytest.approx(50 / 150)
    assert first.overlap(Square(5, 5, 5)) == pytest.approx(0.25)
    assert first.overlap(Square(30, 5, 10)) == 0


def test_a_cut_beyond_the_frame_repeats_its_edge():
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert cut(pixels, Square(0, 0, 4)).tolist() == [[0, 0, 0, 1]] * 3 + [[4, 4, 4, 5]]
    with pytest.raises(ValueError, match="outside"):
        cut(pixels, Square(50, 50, 4))


def test_a_face_in_profile_is_found():
    found, _ = find_faces(still(skimage.data.camera()))
    assert len(found) == 1
    assert overlap(found[0].boxes[0], (185, 85, 85, 105)) > 0.4


def test_a_tilted_crop_fills_its_frame(portrait):
    turn = cv2.getRotationMatrix2D((224.0, 117.0), 20, 1.0)
    tilted = cv2.warpAffine(grey_of(portrait), turn, (512, 512))
    crop = resized(cut(tilted, Square(224, 117, 104)), 112)
    assert FaceDetector().fills(crop)
    assert not FaceDetector().fills(resized(grey_of(skimage.data.cat())[:280, :280], 112))


@pytest.mark.real_data
@pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA is not set")
def test_faces_found_in_a_border_are_framed_like_the_corpus():
    with tarfile.open(Path(os.environ["EMOFUSE_DATA"]) / "fer2013" / "fer2013.tar") as archive:
        members = [
            member for member in archive if member.name.startswith("validation/") and member.isfile()
        ][::40]
        pictures = [
            cv2.imdecode(np.frombuffer(archive.extractfile(m).read(), np.uint8), 0) for m in members
        ]
    shares, offsets = [], []
    for picture in pictures:
        bordered = cv2.copyMakeBorder(resized(picture, 144), 72, 72, 108, 108, cv2.BORDER_REFLECT_101)
        if (found := FaceDetector().near(bordered, Square(180, 144, 144))) is not None:
            shares.append(found.square.side / 144)
            offsets.append((found.square.x - 180, found.square.y - 144))
    assert len(shares) > 0.65 * len(pictures)
    assert np.median(shares) == pytest.approx(1.0, abs=0.04)
    assert np.abs(np.median(offsets, axis=0)).max() < 0.03 * 144
