import torch

from emofuse.models.encoders.steps import steps_of

LENGTHS = [2, 4, 0, 3]
MASK = torch.arange(5) < torch.tensor(LENGTHS).unsqueeze(1)
VALUES = torch.arange(20.0).view(4, 5, 1) * MASK.unsqueeze(2)


def test_frames_lie_step_after_step_with_the_longest_rows_first():
    steps = steps_of(MASK)
    # A row without a frame has one of zeros.
    assert steps.sizes == [4, 3, 2, 1]
    assert steps.spans() == [(0, 4), (4, 3), (7, 2), (9, 1)]
    assert steps.rows.tolist() == [1, 3, 0, 2, 1, 3, 0, 1, 3, 1]
    assert steps.times.tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 3]
    assert steps.flat(VALUES).flatten().tolist() == [5, 15, 0, 0, 6, 16, 1, 7, 17, 8]


def test_previous_and_last_are_those_of_the_same_row():
    steps = steps_of(MASK)
    flat = steps.flat(VALUES)
    assert steps.previous(flat).flatten().tolist() == [0, 0, 0, 0, 5, 15, 0, 6, 16, 7]
    assert flat[steps.last].flatten().tolist() == [1, 8, 0, 17]
