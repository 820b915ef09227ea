import warnings

import numpy as np
import pytest
import soundfile
from PIL import Image

from emofuse.errors import FeatureError, MediaError
from emofuse.features.media import VideoFrames, content_hash, probe, read_audio, upright
from emofuse.types import ArchiveMember, Picture

FILMS = ["clip.mp4", "clip.mov", "clip.mkv", "clip.webm", "clip.avi"]


def onset_s(signal):
    return np.argmax(np.abs(signal.samples) > 0.1) / signal.rate


def greys(frames):
    return [(round(frame.time_s, 3), int(np.median(frame.pixels))) for frame in frames]


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_probed_and_its_streams_keep_in_step(write_clip, name):
    path = write_clip(name)
    info = probe(path)
    assert info.duration_s == pytest.approx(2.0, abs=0.06)
    assert (info.has_audio, info.has_video, info.is_picture) == (True, True, False)
    assert (info.width_px, info.height_px, info.rate, info.channels) == (64, 48, 48000, 2)
    assert info.frame_rate == pytest.approx(30, abs=0.6)
    assert not info.variable_rate and info.rotation_deg == 0

    assert onset_s(read_audio(path)) == pytest.approx(0.5, abs=0.03)
    frames = list(VideoFrames(path, rate=5))
    assert [frame.time_s for frame in frames][:10] == pytest.approx(np.arange(10) / 5)
    assert all(frame.pixels.shape == (48, 64, 3) and frame.pixels.dtype == np.uint8 for frame in frames)
    for time_s, grey in greys(frames)[:10]:
        assert grey == pytest.approx(100 * time_s, abs=10)


@pytest.mark.parametrize("name", ["clip.m4a", "clip.mp3", "clip.ogg", "clip.flac"])
def test_sound_alone(write_clip, name):
    path = write_clip(name)
    info = probe(path)
    assert (info.has_audio, info.has_video, info.frame_rate, info.width_px) == (True, False, 0.0, 0)
    assert info.duration_s == pytest.approx(2.0, abs=0.06)
    signal = read_audio(path)
    assert signal.rate == 16000 and signal.samples.dtype == np.float32
    assert signal.duration_s == pytest.approx(2.0, abs=0.06)
    assert onset_s(signal) == pytest.approx(0.5, abs=0.03)
    tone = np.abs(np.fft.rfft(signal.between(1.0, 1.5).samples))
    assert np.argmax(tone) * 2 == pytest.approx(440, abs=2)
    assert np.abs(signal.samples).max() == pytest.approx(0.5, abs=0.05)
    with pytest.raises(MediaError, match="video"):
        list(VideoFrames(path))


def test_cover_art_is_no_video(write_clip):
    assert not probe(write_clip("song.mp3", cover=True)).has_video


def test_tags_that_are_not_utf8_do_no_harm(write_clip):
    path = write_clip("clip.mkv")
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"L\xe4\xf6f"))
    assert probe(path).has_video and len(list(VideoFrames(path))) == 10


def test_a_codec_that_nobody_knows(write_clip):
    path = write_clip("clip.mkv")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))
    assert probe(path).has_audio and not probe(path).has_video
    path.write_bytes(path.read_bytes().replace(b"A_FLAC", b"A_XYZQ"))
    with pytest.raises(MediaError, match="codec"):
        probe(path)


def test_video_without_sound(write_clip):
    path = write_clip("mute.mp4", with_audio=False)
    info = probe(path)
    assert info.has_video and not info.has_audio and info.rate == info.channels == 0
    with pytest.raises(MediaError, match="audio"):
        read_audio(path)


def test_sound_that_starts_late_is_padded(write_clip):
    signal = read_audio(write_clip("late.mp4", delay_s=0.7))
    assert onset_s(signal) == pytest.approx(1.2, abs=0.01)
    assert np.abs(signal.between(0, 0.6).samples).max() < 1e-3


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm"])
def test_a_part_starts_a_clock_of_its_own(write_clip, name):
    path = write_clip(name, onset_s=1.25)
    part = read_audio(path, start_s=1.0, end_s=1.5)
    assert part.duration_s == pytest.approx(0.5, abs=1e-3)
    assert onset_s(part) == pytest.approx(0.25, abs=0.01)
    frames = greys(VideoFrames(path, rate=10, start_s=1.0, end_s=1.5))
    assert [time_s for time_s, _ in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert all(grey == pytest.approx(100 + 100 * time_s, abs=4) for time_s, grey in frames)


def test_sound_above_full_scale_is_made_softer_not_cut(tmp_path):
    tone = np.sin(2 * np.pi * 300 * np.arange(16000) / 16000)
    soundfile.write(tmp_path / "loud.wav", 20 * tone, 16000, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "loud.wav").samples - tone).max() < 1e-5


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "DOUBLE"])
def test_rates_and_sample_formats(tmp_path, rate, subtype):
    path = tmp_path / "a.wav"
    tone = 0.5 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    soundfile.write(path, tone, rate, subtype=subtype)
    assert probe(path)[:2] == (1.0, True) and probe(path).rate == rate
    signal = read_audio(path)
    wanted = 0.5 * np.sin(2 * np.pi * 300 * np.arange(16000) / 16000)
    assert len(signal.samples) == pytest.approx(16000, abs=2)
    assert np.abs(signal.samples[500:15500] - wanted[500:15500]).max() < 0.02


def test_six_channels_are_mixed_with_the_centre_in_front(tmp_path):
    path = tmp_path / "surround.wav"
    level = {}
    for number, name in enumerate(["left", "right", "centre", "low", "back left", "back right"]):
        samples = np.zeros((9600, 6))
        samples[:, number] = 0.9
        soundfile.write(path, samples, 96000)
        assert probe(path).channels == 6
        level[name] = float(np.median(read_audio(path).samples))
    assert level["centre"] == pytest.approx(np.sqrt(2) * level["left"], rel=0.01)
    assert level["left"] == pytest.approx(level["right"]) and level["left"] > 0.1
    assert level["back left"] == pytest.approx(level["centre"] / 2, rel=0.01) and abs(level["low"]) < 1e-3
    soundfile.write(path, np.ones((9600, 6)), 96000)
    assert np.abs(read_audio(path).samples).max() <= 1.0


def test_stereo_is_the_mean_of_both(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.tile([0.5, 0.1], (16000, 1)), 16000, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav").samples == pytest.approx(np.full(16000, 0.3), abs=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_sample_that_is_no_number_is_an_error(tmp_path, bad):
    samples = np.zeros(16000)
    samples[8000] = bad
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(FeatureError, match="finite"):
        read_audio(tmp_path / "a.wav")


def test_damage_in_the_middle_is_silence_and_later_sound_keeps_its_time(write_clip):
    path = write_clip("clip.ogg", seconds=4.0, onset_s=3.0)
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 200] = bytes(200)
    path.write_bytes(data)
    assert onset_s(read_audio(path)) == pytest.approx(3.0, abs=0.05)


def test_variable_frame_rate_is_sampled_by_time(write_clip):
    times = [0.0, 0.1, 0.15, 0.9, 1.0, 1.3, 1.35, 1.4, 1.9]
    path = write_clip("vfr.mp4", times=times, with_audio=False)
    assert probe(path).variable_rate
    frames = greys(VideoFrames(path, rate=5))
    shown = [max(t for t in times if t <= tick + 1e-3) for tick in np.arange(len(frames)) / 5]
    assert len(frames) >= 10
    assert [grey for _, grey in frames] == pytest.approx([100 * t for t in shown], abs=3)


def test_a_frame_that_lasts_is_given_at_each_tick_as_the_same_array(write_clip):
    frames = list(VideoFrames(write_clip("still.mp4", times=[0.0, 1.0], with_audio=False), rate=4))
    assert frames[0].pixels is frames[3].pixels and frames[3].pixels is not frames[4].pixels


@pytest.mark.parametrize(
    ("rotation_deg", "corner"), [(0, (0, 0)), (90, (-1, 0)), (-90, (0, -1)), (180, (-1, -1))]
)
def test_phone_video_is_turned_upright(write_clip, rotation_deg, corner):
    path = write_clip("phone.mp4", rotation_deg=rotation_deg, with_audio=False)
    info = probe(path)
    frame = next(iter(VideoFrames(path)))
    assert info.rotation_deg % 360 == rotation_deg % 360
    assert (info.height_px, info.width_px) == frame.pixels.shape[:2]
    assert frame.pixels.shape[:2] == ((64, 48) if rotation_deg % 180 else (48, 64))
    assert frame.pixels[corner].min() > 200


def test_upright_turns_counter_clockwise():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)
    assert upright(pixels, 90)[..., 0].tolist() == [[2, 5], [1, 4], [0, 3]]
    assert upright(pixels, -90)[..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]


def test_frames_are_shrunk_to_the_longer_side(write_clip):
    path = write_clip("wide.mp4", size=(320, 160), with_audio=False)
    assert next(iter(VideoFrames(path, max_side_px=80))).pixels.shape == (40, 80, 3)
    assert next(iter(VideoFrames(path))).pixels.shape == (160, 320, 3)


def test_a_very_short_clip_has_a_frame_and_its_sound(write_clip):
    path = write_clip("blink.mp4", seconds=0.05, onset_s=0.0)
    assert 0 < probe(path).duration_s < 0.12
    assert len(list(VideoFrames(path))) == 1
    assert 0 < read_audio(path).duration_s < 0.12


@pytest.mark.parametrize("name", [*FILMS, "clip.flac", "clip.mp3", "clip.ogg"])
def test_a_part_beyond_the_end_is_empty(write_clip, name):
    path = write_clip(name)
    assert len(read_audio(path, start_s=5.0, end_s=6.0).samples) == 0
    if name in FILMS:
        assert list(VideoFrames(path, start_s=5.0, end_s=6.0)) == []


def test_a_part_of_a_recording(tmp_path):
    steps = np.repeat(np.arange(8) / 10, 16000)
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, steps, 16000)
        part = read_audio(tmp_path / name, start_s=2.5, end_s=4.5)
        assert part.samples == pytest.approx(steps[40000:72000], abs=1e-4)
        assert len(read_audio(tmp_path / name, start_s=9.0).samples) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_is_known_by_its_content(tmp_path, kind):
    path = tmp_path / "picture.mp4"
    Image.new("RGB", (200, 100), (250, 10, 10)).save(path, format=kind)
    info = probe(path)
    assert info.is_picture and info.has_video and not info.has_audio and info.duration_s == 0
    assert (info.width_px, info.height_px) == (200, 100)
    (frame,) = VideoFrames(path, max_side_px=50)
    assert frame.time_s == 0 and frame.pixels.shape == (25, 50, 3)
    assert frame.pixels[10, 10].astype(int) == pytest.approx([250, 10, 10], abs=4)
    with pytest.raises(MediaError, match="picture"):
        read_audio(path)


def test_a_picture_taken_upside_down_is_turned(tmp_path):
    image = Image.new("L", (40, 20))
    image.paste(255, (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    image.save(tmp_path / "a.jpg", exif=exif)
    (frame,) = VideoFrames(tmp_path / "a.jpg")
    assert frame.pixels.shape == (40, 20, 3) and frame.pixels[2, -3].min() > 200


def test_a_picture_in_memory():
    grey = np.full((30, 20), 7, np.uint8)
    (frame,) = VideoFrames(Picture(grey))
    assert frame.pixels.shape == (30, 20, 3) and (frame.pixels == 7).all()
    assert probe(Picture(grey)).width_px == 20
    assert content_hash(Picture(grey)) == content_hash(Picture(grey.copy()))
    assert content_hash(Picture(grey)) != content_hash(Picture(grey.reshape(20, 30)))
    with pytest.raises(MediaError, match="uint8"):
        probe(Picture(grey / 255))


def test_a_large_picture_is_read_without_a_word(tmp_path, monkeypatch):
    Image.fromarray(np.full((12, 12, 3), 7, np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert probe(tmp_path / "a.png").width_px == 12
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(MediaError, match="exceeds limit"):
        probe(tmp_path / "a.png")


def test_a_file_inside_an_archive(write_clip, tmp_path):
    data = write_clip("clip.mp4").read_bytes()
    (tmp_path / "all.tar").write_bytes(b"x" * 512 + data + b"y" * 512)
    member = ArchiveMember(tmp_path / "all.tar", "clip.mp4", 512, len(data))
    assert probe(member).has_video and len(list(VideoFrames(member))) == 10
    assert content_hash(member) == content_hash(tmp_path / "clip.mp4")


def test_the_hash_follows_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert (
        content_hash(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.webm", "clip.avi"])
def test_a_cut_file_is_an_error(write_clip, name):
    path = write_clip(name, seconds=3.0, fast_start=True)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    with pytest.raises(MediaError, match=r"found [12]\.\d+ s of"):
        probe(path)


def test_an_mp4_that_lacks_its_last_bytes_is_an_error(write_clip):
    path = write_clip("clip.mp4", fast_start=True)
    data = path.read_bytes()
    for missing in (1, 500):
        path.write_bytes(data[:-missing])
        with pytest.raises(MediaError, match=f"cut off.* {missing} bytes"):
            probe(path)
    path.write_bytes(data + b"\0\0\0\0 left over by a camera")
    assert probe(path).has_video


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_cut_recording_is_an_error(tmp_path, name):
    path = tmp_path / name
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 48000), 16000)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"cut off; found 1\.\d+ s of the 3\.00 s"):
        probe(path)


@pytest.mark.parametrize("name", ["a.wav", "clip.avi", "clip.mkv", "clip.webm", "clip.flac"])
def test_a_file_that_lacks_a_little_says_so(write_clip, tmp_path, name):
    if name == "a.wav":
        soundfile.write(tmp_path / name, np.random.default_rng(0).normal(0, 0.1, 160000), 16000)
    path = tmp_path / name if name == "a.wav" else write_clip(name, seconds=10.0)
    assert not probe(path).is_short
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.96)])
    assert probe(path).is_short


def test_one_channel_alone(tmp_path):
    ramp = np.linspace(-0.5, 0.5, 16000)
    soundfile.write(tmp_path / "a.wav", np.stack([ramp, -ramp], axis=1), 16000, subtype="FLOAT")
    assert not read_audio(tmp_path / "a.wav").samples.any()
    for channel, sign in ((0, 1), (1, -1)):
        samples = read_audio(tmp_path / "a.wav", channel=channel).samples
        np.testing.assert_allclose(samples, sign * ramp, atol=1e-6)


def test_a_stream_whose_header_knew_no_length_is_not_short(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(data)
    assert not probe(tmp_path / "a.wav").is_short


def _text(path, write_clip):
    path.write_text("I am no film. " * 500)


def _index_missing(path, write_clip):
    data = write_clip("whole.mp4").read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _playlist(path, write_clip):
    other = write_clip("other.mp4")
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n")


def _cut_picture(path, write_clip):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    "make",
    [
        lambda path, _: None,
        lambda path, _: path.mkdir(),
        lambda path, _: path.touch(),
        _text,
        _index_missing,
        _playlist,
        _cut_picture,
    ],
    ids=["missing", "folder", "empty", "text", "no index", "playlist", "cut picture"],
)
def test_what_is_no_media_is_one_line_with_its_name(tmp_path, write_clip, make):
    path = tmp_path / "bad.mp4"
    make(path, write_clip)
    for read in (probe, read_audio, lambda media: list(VideoFrames(media))):
        with pytest.raises(MediaError) as caught:
            read(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_settings_that_make_no_sense():
    with pytest.raises(ValueError):
        VideoFrames(Picture(np.zeros((4, 4), np.uint8)), rate=0)
