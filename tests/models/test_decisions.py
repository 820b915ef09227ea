from math import log

import pytest
import torch

from emofuse.models.fusions.expert_product import ExpertProduct
from emofuse.models.fusions.late_product import LateProduct
from emofuse.models.fusions.late_stacked import LateStacked
from emofuse.models.fusions.late_weighted import LateLearned, LateWeighted

DIMS = {"a": 3, "b": 3}
HERE, GONE = torch.tensor([True]), torch.tensor([False])
BOTH = {"a": HERE, "b": HERE}
# Two classes and a rating: a says 0.8 / 0.2 and 1, b says 0.4 / 0.6 and 3; scores are logarithms up to a number.
GIVEN = {
    "a": torch.tensor([[log(0.8) + 2, log(0.2) + 2, 1.0]]),
    "b": torch.tensor([[log(0.4), log(0.6), 3.0]]),
}


def read(output):
    return (*torch.softmax(output[0, :2], dim=0).tolist(), output[0, 2].item())


def test_the_product_of_probabilities():
    fusion = LateProduct(DIMS, classes=2)
    # 0.32 against 0.12.
    assert read(fusion(GIVEN, BOTH)) == pytest.approx((0.32 / 0.44, 0.12 / 0.44, 2.0))
    assert read(fusion(GIVEN, {"a": HERE, "b": GONE})) == pytest.approx((0.8, 0.2, 1.0))


def test_the_mean_of_probabilities_by_given_weights():
    assert read(LateWeighted(DIMS, classes=2)(GIVEN, BOTH)) == pytest.approx((0.6, 0.4, 2.0))
    fusion = LateWeighted(DIMS, weights={"a": 3.0}, classes=2)
    assert read(fusion(GIVEN, BOTH)) == pytest.approx((0.7, 0.3, 1.5))
    assert fusion.weigh(GIVEN, BOTH)[1].tolist()[0] == pytest.approx([0.75, 0.25])
    assert read(fusion(GIVEN, {"a": GONE, "b": HERE})) == pytest.approx((0.4, 0.6, 3.0))


@pytest.mark.parametrize("weights", [{"c": 1.0}, {"a": 0.0}, {"a": -1.0}])
def test_weights_that_say_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="above 0"):
        LateWeighted(DIMS, weights=weights)


def test_learned_weights_begin_equal_and_follow_who_is_right():
    fusion = LateLearned(DIMS, classes=2)
    assert read(fusion(GIVEN, BOTH)) == pytest.approx((0.6, 0.4, 2.0))
    for _ in range(50):
        loss = torch.nn.functional.cross_entropy(fusion(GIVEN, BOTH)[:, :2], torch.tensor([0]))
        fusion.zero_grad()
        loss.backward()
        with torch.no_grad():
            fusion.logs -= fusion.logs.grad
    weights = fusion.weigh(GIVEN, BOTH)[1][0]
    assert weights[0] > 0.9 and weights.sum().item() == pytest.approx(1.0)


def test_the_pool_of_experts_begins_as_bayes_with_equal_classes():
    fusion = ExpertProduct(DIMS, classes=2)
    assert read(fusion(GIVEN, BOTH)) == pytest.approx((0.32 / 0.44, 0.12 / 0.44, 2.0), rel=1e-5)
    assert read(fusion(GIVEN, {"a": HERE, "b": GONE})) == pytest.approx((0.8, 0.2, 1.0), rel=1e-5)


def test_the_pool_of_experts_by_hand():
    fusion = ExpertProduct(DIMS, classes=2)

    def softplus_of(value):
        return log(torch.tensor(value).exp().item() - 1)

    with torch.no_grad():
        fusion.trust.copy_(torch.tensor([softplus_of(0.5), softplus_of(1.5)]))
        fusion.temperature.copy_(torch.tensor([softplus_of(2.0), softplus_of(1.0)]))
        fusion.prior.copy_(torch.tensor([log(0.9), log(0.1)]))
    # a at temperature 2: sqrt(0.8) to sqrt(0.2), which is 2 to 1.
    first = [(2 / 3 / 0.9) ** 0.5, (1 / 3 / 0.1) ** 0.5]
    second = [(0.4 / 0.9) ** 1.5, (0.6 / 0.1) ** 1.5]
    raw = [prior * one * other for prior, one, other in zip((0.9, 0.1), first, second, strict=True)]
    wanted = (raw[0] / sum(raw), raw[1] / sum(raw), 0.25 * 1 + 0.75 * 3)
    assert read(fusion(GIVEN, BOTH)) == pytest.approx(wanted, rel=1e-5)
    assert fusion.weigh(GIVEN, BOTH)[1].tolist()[0] == pytest.approx([0.25, 0.75])


def test_without_anything_no_class_is_preferred():
    nothing = dict.fromkeys(DIMS, GONE)
    for kind in (LateProduct, LateWeighted, LateLearned, ExpertProduct):
        assert read(kind(DIMS, classes=2)(GIVEN, nothing)) == pytest.approx((0.5, 0.5, 0.0))


@pytest.mark.parametrize("kind", [LateProduct, LateWeighted, LateLearned, ExpertProduct, LateStacked])
@pytest.mark.parametrize("classes", [0, 3, None])
def test_ratings_alone_and_classes_alone(kind, classes):
    output = kind(DIMS, classes=classes)(GIVEN, BOTH)
    assert output.shape == (1, 3) and output.isfinite().all()
    if classes == 0 and kind is not LateStacked:
        torch.testing.assert_close(output, (GIVEN["a"] + GIVEN["b"]) / 2)


def test_the_stack_sees_probabilities_not_the_level_of_scores():
    fusion = LateStacked(DIMS, classes=2)
    moved = {**GIVEN, "a": GIVEN["a"] + torch.tensor([5.0, 5.0, 0.0])}
    torch.testing.assert_close(fusion(moved, BOTH), fusion(GIVEN, BOTH))


@pytest.mark.parametrize("wrong", [{"a": 3, "b": 2}, {"a": 1, "b": 1}])
def test_decisions_must_be_on_the_same_outputs(wrong):
    with pytest.raises(ValueError, match="outputs"):
        LateProduct(wrong, classes=2)
