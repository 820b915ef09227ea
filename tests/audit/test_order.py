import numpy as np
import pytest

from emofuse.audit import audit
from emofuse.types import Clip, Corpus, TaskSpec


def corpus(key, *, rated):
    generator = np.random.default_rng(0)
    clips = []
    for dialogue in range(12):
        scores = generator.normal(size=10)
        rows = [
            Clip(
                f"{dialogue}_{turn}", dialogue=str(dialogue), turn=turn, text=f"{dialogue} {turn}",
                label=None if rated else ("low", "high")[int(score > 0)],
                ratings={"sentiment": float(np.clip(score, -3, 3))} if rated else {},
            )
            for turn, score in enumerate(scores)
        ]  # fmt: skip
        clips += sorted(rows, key=lambda clip, scores=scores: key(clip, scores))
    task = (
        TaskSpec(ratings=("sentiment",), rating_range=(-3, 3))
        if rated
        else TaskSpec(labels=("high", "low"))
    )
    return Corpus("sorted", tuple(clips), task)


def found(corpus):
    return [one for one in audit(corpus, checks=("order",)).findings]


@pytest.mark.parametrize("rated", [True, False])
def test_rows_that_stand_by_label_are_found(rated):
    (finding,) = found(corpus(lambda clip, scores: scores[clip.turn], rated=rated))
    assert finding.severity == "warning" and finding.count == 12
    assert "read neighbours by their turn" in finding.message


@pytest.mark.parametrize("rated", [True, False])
def test_rows_in_order_or_by_chance_are_not(rated):
    assert found(corpus(lambda clip, scores: clip.turn, rated=rated)) == []
    assert found(corpus(lambda clip, scores: (clip.turn * 7) % 10, rated=rated)) == []
