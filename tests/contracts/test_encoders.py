"""What every encoder keeps: nothing unregistered, everything learns, padding is never read."""

import copy
import inspect
from typing import Any, NamedTuple

import pytest
import torch

from emofuse.errors import ConfigError
from emofuse.models.encoders import ENCODERS
from emofuse.training.engine import Engine


class Case(NamedTuple):
    """Options that make a small one, the width of its track, and what the track holds."""

    options: dict[str, Any] = {}
    dim: int = 6
    kind: str = "normal"
    longest: int = 7
    files: str = "tiny_bert"


CASES = {
    "mean": [Case({"out_dim": 5})],
    "mlp": [Case({"hidden": 8, "out_dim": 5})],
    "soft_bins": [Case({"hidden": 8, "out_dim": 5}), Case({"bins": 1, "hidden": 4, "out_dim": 3})],
    "frames": [Case({"out_dim": 5})],
    "gru_with_linear": [Case({"hidden": 4, "out_dim": 5})],
    "tcn": [
        Case({"widths": (4, 4), "out_dim": 5}),
        Case({"widths": (6,), "kernel": 5, "pooling": "attention"}, longest=9),
    ],
    "cnn1d": [Case({"kernels": (3, 4), "widen": 1, "out_dim": 5}, longest=9)],
    "cnn2d": [Case({"channels": 3, "out_dim": 5}, longest=9), Case({"channels": 3, "blocks": 1})],
    "gru": [
        Case({"hidden": 4, "out_dim": 5}),
        Case({"hidden": 4, "layers": 2, "bidirectional": False, "pooling": "attention"}),
        Case({"hidden": 4, "pooling": "weighted"}),
    ],
    "lstm": [Case({"hidden": 4, "out_dim": 5}), Case({"hidden": 4, "pooling": "max"})],
    "gru_attention": [
        Case({"hidden": 4, "out_dim": 5}),
        Case({"hidden": 4, "bidirectional": True, "scaled": False}),
        Case({"hidden": 4, "bidirectional": True, "pooling": "mean"}),
    ],
    "recurrent_attention": [
        Case({"hidden": 4, "heads": 2, "out_dim": 5}),
        Case({"hidden": 4, "heads": 4, "cell": "lstm", "pooling": "last"}),
        Case({"hidden": 4, "heads": 1, "bidirectional": False, "pooling": "attention"}),
    ],
    "transformer": [
        Case({"hidden": 8, "heads": 2, "layers": 1, "out_dim": 5}),
        Case({"hidden": 6, "heads": 1, "layers": 2, "pooling": "first"}),
        Case({"hidden": 6, "heads": 1, "layers": 1, "pooling": "weighted"}),
    ],
    "face_cnn": [Case({"widths": (4, 6), "out_dim": 5}, 64, "pixels", 3)],
    "mel_cnn": [Case({"widths": (4, 6), "out_dim": 5}, 9, "normal", 11)],
    "pretrained_text": [Case({}, 1, "ids"), Case({"pooling": "attention"}, 1, "ids")],
    "pretrained_audio": [
        Case({}, 8, "normal", files="tiny_wav2vec2"),
        Case({"normalise": False, "pooling": "attention"}, 1, "normal", 60, files="tiny_wav2vec2_by_frame"),
    ],
    "pretrained_image": [
        Case({}, 64, "pixels", 3, files="tiny_vit"),
        Case({"tokens": "mean"}, 3 * 144, "pixels", 3, files="tiny_vit"),
    ],
}
# A pooler and the embedding of what pre-training hides are part of published weights; nothing here reads them.
UNREAD = ("network.pooler.", "network.masked_spec_embed")
EACH = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name in CASES
    for number in range(len(CASES[name]))
]


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=20, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=16,
        )  # fmt: skip
        BertModel(config).save_pretrained(folder)
    return folder


def save_wav2vec2(folder, norm):
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Wav2Vec2Config(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=(8, 8),
            conv_kernel=(6, 3), conv_stride=(4, 2), num_feat_extract_layers=2, num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2, feat_extract_norm=norm, do_stable_layer_norm=norm == "layer",
        )  # fmt: skip
        Wav2Vec2Model(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny_wav2vec2(tmp_path_factory):
    return save_wav2vec2(tmp_path_factory.mktemp("wav2vec2"), "group")


@pytest.fixture(scope="module")
def tiny_wav2vec2_by_frame(tmp_path_factory):
    return save_wav2vec2(tmp_path_factory.mktemp("wav2vec2_by_frame"), "layer")


@pytest.fixture(scope="module")
def tiny_vit(tmp_path_factory):
    from transformers import ViTConfig, ViTModel

    folder = tmp_path_factory.mktemp("vit")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = ViTConfig(
            hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, image_size=8,
            patch_size=4,
        )  # fmt: skip
        ViTModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def make(request):
    def made(name, number):
        case = CASES[name][number]
        kind = ENCODERS.load(name)
        files = {}
        if "source" in inspect.signature(kind).parameters:
            files["source"] = str(request.getfixturevalue(case.files))
        torch.manual_seed(0)
        return kind(case.dim, **case.options, **files), case

    return made


def track_of(case: Case, lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Values ``(batch, longest, dim)`` with zeros at padding, and their mask."""
    generator = torch.Generator().manual_seed(1)
    shape = (len(lengths), max(1, *lengths), case.dim)
    values = {
        "normal": lambda: torch.randn(shape, generator=generator),
        "pixels": lambda: torch.randint(0, 256, shape, generator=generator).float(),
        "ids": lambda: torch.randint(1, 20, shape, generator=generator).float(),
    }[case.kind]()
    mask = torch.arange(shape[1])[None] < torch.tensor(lengths)[:, None]
    return values * mask.unsqueeze(2), mask


def lengths_of(case: Case) -> list[int]:
    return [case.longest, 1, 0, case.longest - 1, 2]


def test_every_name_has_a_case_and_a_line():
    built_in = {name for name in ENCODERS if ENCODERS[name].place.startswith("emofuse.")}
    assert built_in == set(CASES)
    assert all(ENCODERS[name].about for name in ENCODERS)


@pytest.mark.parametrize(("name", "number"), EACH)
def test_every_tensor_is_registered_and_every_parameter_learns(name, number, make):
    encoder, case = make(name, number)
    held = {id(value) for value in (*encoder.parameters(), *encoder.buffers())}
    for module in encoder.modules():
        loose = [
            key
            for key, value in vars(module).items()
            if isinstance(value, torch.Tensor) and id(value) not in held
        ]
        assert not loose, f"{type(module).__name__}: {loose}"
    encoder.train()
    output = encoder(*track_of(case, [case.longest] * 6))
    (output * torch.randn(output.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    for key, parameter in encoder.named_parameters():
        if not key.startswith(UNREAD):
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize(("name", "number"), EACH)
def test_output_is_finite_and_as_wide_as_stated(name, number, make):
    encoder, case = make(name, number)
    for mode in (True, False):
        output = encoder.train(mode)(*track_of(case, lengths_of(case)))
        assert output.shape == (5, encoder.out_dim)
        assert output.isfinite().all()
        nothing = encoder(*track_of(case, [0, 0]))
        assert nothing.shape == (2, encoder.out_dim) and nothing.isfinite().all()


@pytest.mark.parametrize(("name", "number"), EACH)
@pytest.mark.parametrize("more", [1, 5])
def test_more_padding_gives_the_same_output(name, number, more, make):
    encoder, case = make(name, number)
    values, mask = track_of(case, lengths_of(case))
    encoder.eval()
    wanted = encoder(values, mask)
    # What lies under the mask is not read either, whatever it is.
    filling = 3.0 if case.kind == "ids" else 50.0
    padded = torch.nn.functional.pad(values, (0, 0, 0, more), value=filling)
    padded[:, : values.shape[1]][~mask] = filling
    output = encoder(padded, torch.nn.functional.pad(mask, (0, more)))
    torch.testing.assert_close(output, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "number"), EACH)
def test_a_row_does_not_depend_on_the_others(name, number, make):
    encoder, case = make(name, number)
    values, mask = track_of(case, lengths_of(case))
    encoder.eval()
    wanted = encoder(values, mask)
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(encoder(values[order], mask[order]), wanted[order], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(encoder(values[3:4], mask[3:4]), wanted[3:4], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "number"), EACH)
def test_a_batch_of_one_trains(name, number, make):
    encoder, case = make(name, number)
    for length in (1, case.longest):
        output = encoder.train()(*track_of(case, [length]))
        assert output.isfinite().all()
        output.sum().backward()


@pytest.mark.parametrize(("name", "number"), EACH)
def test_eval_repeats_itself_and_weights_come_back(name, number, make):
    encoder, case = make(name, number)
    given = track_of(case, lengths_of(case))
    encoder.eval()
    wanted = encoder(*given)
    assert torch.equal(encoder(*given), wanted)
    other = copy.deepcopy(encoder)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(*given), wanted)


@pytest.mark.parametrize(("name", "number"), EACH)
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_finite(name, number, precision, make):
    encoder, case = make(name, number)
    for mode in (True, False):
        try:
            with Engine.pick("cpu", precision).autocast():
                output = encoder.train(mode)(*track_of(case, lengths_of(case)))
        except ConfigError as error:
            pytest.skip(str(error))
        assert output.isfinite().all()


@pytest.mark.parametrize(("name", "number"), EACH)
def test_frames_read_no_padding(name, number, make):
    encoder, case = make(name, number)
    if getattr(encoder, "frame_dim", None) is None:
        return
    values, mask = track_of(case, lengths_of(case))
    found = encoder.eval().frames(values, mask)
    assert found.shape == (*mask.shape, encoder.frame_dim) and found.isfinite().all()
    padded = torch.nn.functional.pad(values, (0, 0, 0, 4), value=3.0)
    padded[:, : values.shape[1]][~mask] = 3.0
    other = encoder.frames(padded, torch.nn.functional.pad(mask, (0, 4)))[:, : values.shape[1]]
    torch.testing.assert_close(other[mask], found[mask], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(encoder.frames(values[:1], mask[:1])[0], found[0], atol=1e-5, rtol=1e-5)
