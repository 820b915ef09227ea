import torch

from emofuse.models.encoders.resample import common_axis, shares, to_length


def mask_of(lengths, time):
    return torch.arange(time) < torch.tensor(lengths).unsqueeze(1)


def test_equal_lengths_are_left_alone():
    values = torch.randn(2, 4, 3)
    mask = mask_of([4, 2], 4)
    wanted = values * mask.unsqueeze(-1)
    assert torch.equal(to_length(values, mask, mask), wanted)
    # The same lengths under more padding go the long way round.
    longer = to_length(values, mask, mask_of([4, 2], 6))
    torch.testing.assert_close(longer[:, :4], wanted)
    assert not longer[:, 4:].any()


def test_many_frames_are_averaged_and_few_repeated():
    values = torch.tensor([[[1.0], [3.0], [5.0], [7.0]]])
    mask = mask_of([4], 4)
    assert to_length(values, mask, mask_of([2], 2)).flatten().tolist() == [2.0, 6.0]
    assert to_length(values[:, :2], mask[:, :2], mask).flatten().tolist() == [1.0, 1.0, 3.0, 3.0]


def test_a_frame_that_lies_across_two_is_shared():
    # Thirds onto halves: the middle third gives one half of itself to either side.
    found = shares(mask_of([3], 3), mask_of([2], 2))[0]
    torch.testing.assert_close(found, torch.tensor([[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]]))


def test_shares_sum_to_one_at_any_length():
    found = shares(mask_of([7, 1, 5, 300], 400), mask_of([3, 6, 5, 41], 50))
    valid = mask_of([3, 6, 5, 41], 50)
    torch.testing.assert_close(found.sum(dim=2), valid.float())


def test_padding_is_not_read_and_rows_stand_alone():
    values = torch.randn(2, 5, 2)
    mask, other = mask_of([3, 5], 5), mask_of([4, 2], 4)
    wanted = to_length(values, mask, other)
    dirty = values.clone()
    dirty[0, 3:] = 1e6
    torch.testing.assert_close(to_length(dirty, mask, other), wanted)
    torch.testing.assert_close(to_length(values[:1, :3], mask[:1, :3], other[:1])[0], wanted[0])


def test_a_row_without_frames_on_either_side_is_zero():
    values = torch.ones(3, 2, 1)
    found = to_length(values, mask_of([0, 2, 0], 2), mask_of([2, 0, 0], 2))
    assert not found.any()


def test_the_gradient_goes_to_valid_frames_only():
    values = torch.ones(1, 4, 1, requires_grad=True)
    to_length(values, mask_of([3], 4), mask_of([2], 2)).sum().backward()
    torch.testing.assert_close(values.grad.flatten(), torch.tensor([2 / 3, 2 / 3, 2 / 3, 0.0]))


def test_the_axis_is_that_of_the_first_modality_which_the_row_has():
    masks = {"a": mask_of([2, 0, 0], 3), "b": mask_of([4, 4, 0], 5)}
    assert common_axis(masks).sum(dim=1).tolist() == [2, 4, 0]
    assert common_axis(masks).shape == (3, 4)
    assert common_axis({"b": masks["b"], "a": masks["a"]}).sum(dim=1).tolist() == [4, 4, 0]
    assert common_axis({"a": mask_of([0], 3)}).tolist() == [[False]]
