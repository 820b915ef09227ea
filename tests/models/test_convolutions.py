import pytest
import torch

from emofuse.models.encoders.face_cnn import FaceCnn
from emofuse.models.encoders.mel_cnn import MelCnn


def test_light_on_a_face_does_not_matter():
    torch.manual_seed(0)
    encoder = FaceCnn(64, widths=(4, 4), out_dim=3).eval()
    face, mask = torch.rand(1, 1, 64) * 100 + 20, torch.ones(1, 1, dtype=torch.bool)
    torch.testing.assert_close(encoder(face * 1.4 + 10, mask), encoder(face, mask), atol=1e-4, rtol=1e-4)


def test_a_track_of_faces_is_the_mean_of_its_faces():
    encoder = FaceCnn(64, widths=(4, 4), out_dim=3).eval()
    faces, one = torch.rand(1, 3, 64) * 255, torch.ones(1, 1, dtype=torch.bool)
    together = encoder(faces, torch.ones(1, 3, dtype=torch.bool))
    alone = torch.stack([encoder(faces[:, place : place + 1], one) for place in range(3)])
    torch.testing.assert_close(together, alone.mean(dim=0), atol=1e-5, rtol=1e-5)


def test_many_faces_are_looked_at_in_pieces(monkeypatch):
    encoder = FaceCnn(64, widths=(4, 4), out_dim=3).eval()
    faces, mask = torch.rand(2, 3, 64) * 255, torch.tensor([[True, True, True], [True, True, False]])
    whole = encoder(faces, mask)
    monkeypatch.setattr("emofuse.models.encoders.face_cnn.PIECE", 2)
    torch.testing.assert_close(encoder(faces, mask), whole, atol=1e-5, rtol=1e-5)


def test_the_colour_of_a_microphone_is_not_heard_in_the_centred_map():
    encoder = MelCnn(8, widths=(4, 4))
    mel, mask = torch.randn(1, 6, 8) * 10 - 40, torch.ones(1, 6, dtype=torch.bool)
    coloured = encoder._standardise(mel + torch.linspace(-6, 6, 8), mask)
    torch.testing.assert_close(coloured[:, 0], encoder._standardise(mel, mask)[:, 0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "dim", "said"), [(FaceCnn, 50, "square"), (FaceCnn, 9, "4 px"), (MelCnn, 3, "4 bands")]
)
def test_inputs_that_the_blocks_cannot_halve_are_refused(kind, dim, said):
    with pytest.raises(ValueError, match=said):
        kind(dim, widths=(4, 4))
