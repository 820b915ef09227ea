import os
from pathlib import Path

import numpy as np
import pytest

from emofuse.features.media import read_audio
from emofuse.features.segments import plan_segments, speech_regions, stretches
from emofuse.features.transcripts import Cue
from emofuse.types import Signal


def spans(segments):
    return [(segment.start_s, segment.end_s) for segment in segments]


def said(*texts, speaker=None):
    return [Cue(text, None, None, speaker) for text in texts]


@pytest.mark.parametrize("level", [0.0, 5e-4])
def test_silence_holds_no_speech(level):
    noise = np.random.default_rng(0).uniform(-level, level, 32000).astype(np.float32)
    assert speech_regions(Signal(noise, 16000)) == []
    assert speech_regions(Signal(np.zeros(0, np.float32), 16000)) == []


def test_noise_a_tone_and_a_very_short_clip_are_no_speech():
    noise = np.random.default_rng(0).normal(0, 0.05, 48000).astype(np.float32)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48000) / 16000).astype(np.float32)
    for samples, rate in [(noise, 16000), (tone, 16000), (noise[:400], 8000)]:
        assert speech_regions(Signal(samples, rate)) == []


def test_the_number_of_threads_is_left_alone():
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        speech_regions(Signal(np.full(16000, 0.1, np.float32), 16000))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.real_data
@pytest.mark.skipif("EMOFUSE_DATA" not in os.environ, reason="EMOFUSE_DATA names no folder of corpora")
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_real_speech_is_found_between_pauses(rate):
    wav = Path(os.environ["EMOFUSE_DATA"]) / "emodb" / "wav"
    clips = [read_audio(path, rate=rate).samples for path in sorted(wav.glob("03a01*"))[:2]]
    pause = np.zeros(rate, np.float32)
    signal = Signal(np.concatenate([pause, clips[0], pause, clips[1], pause]), rate)
    first, second = speech_regions(signal)
    middle = 1 + len(clips[0]) / rate
    assert 1 <= first[0] < 1.5 and middle - 0.7 < first[1] < middle + 0.3
    assert middle + 1 <= second[0] < middle + 1.5 and second[1] < signal.duration_s - 0.7


def test_cues_with_times_are_segments_as_they_stand():
    cues = [Cue("b", 3.0, 4.0, "Ann"), Cue("a", 1.0, 2.0, None)]
    segments, warnings = plan_segments(5.0, cues=cues)
    assert segments == ((1.0, 2.0, "a", None), (3.0, 4.0, "b", "Ann")) and warnings == ()


def test_cues_beyond_the_end_are_dropped_or_clipped_with_a_warning():
    cues = [Cue("a", 1.0, 2.0, None), Cue("b", 4.0, 6.0, None), Cue("c", 5.0, 7.0, None)]
    segments, warnings = plan_segments(5.0, cues=cues)
    assert spans(segments) == [(1.0, 2.0), (4.0, 5.0)]
    assert len(warnings) == 2 and "dropped" in warnings[0] and "clipped" in warnings[1]
    segments, warnings = plan_segments(5.0, cues=cues[2:], speech=[(1.0, 2.0)])
    assert segments == ((1.0, 2.0, None, None),) and len(warnings) == 1


def test_speech_that_no_cue_covers_is_added():
    cues = [Cue("a", 1.0, 2.0, None), Cue("b", 3.0, 4.0, None)]
    speech = [(0.6, 2.4), (2.9, 4.8), (6.0, 6.4), (8.0, 18.0)]
    segments, _ = plan_segments(20.0, cues=cues, speech=speech, max_s=8.0)
    assert spans(segments) == [(1.0, 2.0), (3.0, 4.0), (4.0, 4.8), (8.0, 13.0), (13.0, 18.0)]
    assert [segment.text for segment in segments] == ["a", "b", None, None, None]


def test_little_speech_is_one_segment_with_all_the_words():
    speech = [(1.0, 3.0), (5.0, 7.0)]
    segments, warnings = plan_segments(9.0, cues=said("I won.", "So glad."), speech=speech)
    assert segments == ((1.0, 7.0, "I won. So glad.", None),) and warnings == ()
    assert plan_segments(9.0, cues=said("I won.", speaker="Ann"))[0] == ((0.0, 9.0, "I won.", "Ann"),)
    assert plan_segments(99.0, cues=said("all"), speech=[(2.0, 50.0)])[0] == ((2.0, 50.0, "all", None),)


def test_sentences_are_laid_over_the_voiced_time():
    # 20 voiced seconds for 10, 10, 5 and 15 characters: borders at 5, 10 and 12.5 voiced seconds.
    cues = said("a" * 10, "b" * 10, "c" * 5, "d" * 15)
    segments, warnings = plan_segments(40.0, cues=cues, speech=[(2.0, 12.0), (20.0, 30.0)])
    assert np.allclose(spans(segments), [(2, 7), (7, 12), (20, 22.5), (22.5, 30)])
    assert [segment.text[0] for segment in segments] == ["a", "b", "c", "d"]
    assert warnings == ("the transcript has no times: times of its 4 sentences are estimated",)
    over_the_pause, _ = plan_segments(
        40.0, cues=said("a" * 15, "b" * 5), speech=[(2.0, 12.0), (20.0, 30.0)]
    )
    assert np.allclose(spans(over_the_pause), [(2, 25), (25, 30)])


def test_speech_alone_is_merged_and_cut():
    speech = [(0.0, 3.0), (3.2, 6.0), (6.2, 9.0), (9.5, 10.0), (12.0, 32.0)]
    segments, warnings = plan_segments(40.0, speech=speech, max_s=8.0)
    assert spans(segments)[:3] == [(0.0, 6.0), (6.2, 9.0), (9.5, 10.0)]
    assert np.allclose(spans(segments)[3:], [(12, 56 / 3), (56 / 3, 76 / 3), (76 / 3, 32)])
    assert warnings == () and all(segment.text is None for segment in segments)


def test_with_video_what_is_only_seen_is_added():
    segments, _ = plan_segments(14.0, speech=[(1.9, 3.0), (5.0, 6.0)], has_video=True)
    assert spans(segments) == [(1.9, 3.0), (3.0, 5.0), (5.0, 6.0), (6.0, 10.0), (10.0, 14.0)]
    unseen, _ = plan_segments(14.0, speech=[(1.9, 3.0), (5.0, 6.0)])
    assert spans(unseen) == [(1.9, 3.0), (5.0, 6.0)]


def test_nothing_at_all():
    assert spans(plan_segments(6.0, has_video=True)[0]) == [(0.0, 3.0), (3.0, 6.0)]
    assert spans(plan_segments(0.05, has_video=True)[0]) == [(0.0, 0.05)]
    assert plan_segments(30.0)[0] == ((0.0, 30.0, None, None),)


def test_text_alone_has_no_clock():
    segments, warnings = plan_segments(0.0, cues=said("I won.", "So glad."))
    assert segments == ((0.0, 0.0, "I won.", None), (0.0, 0.0, "So glad.", None))
    assert warnings == ("text has no clock: all times are 0",)


def test_segments_always_lie_in_order_inside_the_clip():
    rng = np.random.default_rng(5)
    for _ in range(300):
        duration_s = rng.uniform(0.01, 60)
        starts = rng.uniform(0, 70, rng.integers(0, 6))
        speech = [(s, s + rng.uniform(0, 20)) for s in starts]
        timed = rng.random() < 0.5
        cues = [
            Cue(
                "x" * int(rng.integers(1, 30)),
                *((s, s + rng.uniform(0, 9)) if timed else (None, None)),
                None,
            )
            for s in rng.uniform(0, 70, rng.integers(0, 5))
        ]
        segments, _ = plan_segments(
            duration_s, cues=cues, speech=speech, has_video=bool(rng.random() < 0.5)
        )
        assert segments and list(spans(segments)) == sorted(spans(segments))
        assert all(0 <= start <= end <= duration_s for start, end in spans(segments))
        if not timed:
            assert sum(len(segment.text or "") for segment in segments) >= sum(
                len(cue.text) for cue in cues
            )


def test_stretches_are_gathered_and_divided():
    spans = [(20.0, 21.0), (0.0, 4.0), (5.0, 9.0), (30.0, 51.0)]
    assert stretches(spans, max_s=10) == [(0, 9), (20, 21), (30, 37), (37, 44), (44, 51)]
    assert stretches([], max_s=10) == []


def test_a_last_cue_without_a_length_is_kept():
    cues = [Cue("a", 0.0, 1.0, None), Cue("b", 2.0, 2.0, None)]
    segments, warnings = plan_segments(2.0, cues=cues)
    assert [segment.text for segment in segments] == ["a", "b"] and not warnings
