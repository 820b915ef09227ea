import hashlib
import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w
import torch

from emofuse.alignment.normalise import Standardiser
from emofuse.errors import BundleError, OutputError
from emofuse.features import load_extractor
from emofuse.inference.bundle import MANIFEST, Bundle, Expert, bundle_digest
from emofuse.models import MODELS
from emofuse.models.calibrators import Temperature
from emofuse.models.pooling import ExpertPool
from emofuse.models.recipe import make
from emofuse.types import TaskSpec, Track

LABELS = ("glad", "sad")
TASK = TaskSpec(labels=LABELS, ratings=("valence",))
STORED = {"name": "stored", "key": "x", "dim": 3}
MEAN = {"name": "mean", "out_dim": 4, "dropout": 0.0}


def expert_of(name, features, architecture, *, task=TASK, standardisers=None):
    extractors = {modality: load_extractor(**part) for modality, part in features.items()}
    dims = {modality: one.dim for modality, one in extractors.items()}
    torch.manual_seed(0)
    model = make(MODELS, architecture, dims, task).model.eval()
    return Expert(
        name, task, features, architecture, extractors, model, Temperature(1.5), standardisers or {}
    )


def bundle_of(*experts, labels=LABELS):
    names = [expert.name for expert in experts]
    prior = (0.25, 0.75)
    pool = (
        ExpertPool(dict.fromkeys(names, prior), dict.fromkeys(names, 1.0), (0.5, 0.5)) if labels else None
    )
    return Bundle("toy", "3", labels, experts, pool)


@pytest.fixture
def plain():
    """An expert of two modalities, one of them normalised."""
    scale = {"audio": Standardiser(np.array([1, 2, 3], np.float32), np.array([2, 2, 4], np.float32))}
    architecture = {
        "name": "composed",
        "encoders": {"audio": MEAN, "video": MEAN},
        "fusion": {"name": "low_rank", "rank": 2},
    }
    return bundle_of(
        expert_of("both", {"audio": STORED, "video": STORED}, architecture, standardisers=scale)
    )


READERS = {
    "composed": lambda source: {"encoders": {"text": {"name": "pretrained_text", "source": source}}},
    "misa": lambda source: {"main_encoder": {"name": "pretrained_text", "source": source}},
    "mag_bert": lambda source: {"pretrained": source},
}


@pytest.fixture(params=READERS)
def wordy(request, tmp_path):
    """An expert of texts with a vocabulary file and a tiny pretrained encoder, and the folder of both."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel

    folder = tmp_path / "made_from"
    folder.mkdir()
    words = Tokenizer(WordLevel({"[UNK]": 0, "good": 1, "bad": 2}, unk_token="[UNK]"))
    words.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=40000, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    features = {"text": {"name": "tokens", "vocabulary": str(folder / "tokenizer.json"), "max_tokens": 8}}
    model = {"name": request.param, **READERS[request.param](str(folder))}
    return bundle_of(expert_of("words", features, model)), folder


def items():
    generator = np.random.default_rng(0)
    tracks = [Track(generator.normal(size=(n, 3)).astype(np.float32), np.arange(n)) for n in (4, 1, 2)]
    return [{"audio": tracks[0], "video": tracks[1]}, {"audio": tracks[2]}, {"video": tracks[0]}]


def test_what_is_loaded_says_the_same(plain, tmp_path):
    plain.save(tmp_path, extra={"card.md": "# Card\n"})
    found = Bundle.load(tmp_path)
    before, after = plain.experts[0].predict(items()), found.experts[0].predict(items())
    assert np.array_equal(before.probabilities, after.probabilities)
    assert np.array_equal(before.ratings, after.ratings)
    assert after.probabilities.sum(axis=1) == pytest.approx([1, 1, 1])
    assert (found.name, found.version, found.labels) == ("toy", "3", LABELS)
    assert found.pool == plain.pool
    assert found.digest == bundle_digest(tmp_path) and len(found.digest) == 64
    one = found.experts[0]
    assert (one.name, one.modalities, one.ratings, one.dims) == (
        "both",
        ("audio", "video"),
        ("valence",),
        {"audio": 3, "video": 3},
    )
    assert set(one.standardisers) == {"audio"} and not one.model.training
    assert (tmp_path / "card.md").read_text() == "# Card\n"


def test_normalisation_is_part_of_it(plain):
    track = items()[0]["audio"]
    other = replace(plain.experts[0], standardisers={})
    by_hand = Track((track.values - [1, 2, 3]) / np.array([2, 2, 4]), track.times)
    by_hand = Track(by_hand.values.astype(np.float32), track.times)
    expected = other.predict([{"audio": by_hand}]).probabilities
    assert plain.experts[0].predict([{"audio": track}]).probabilities == pytest.approx(expected, abs=1e-6)


def test_no_items_and_ratings_beyond_the_range(plain):
    nothing = plain.experts[0].predict([])
    assert nothing.probabilities.shape == (0, 2) and nothing.ratings.shape == (0, 1)
    with torch.no_grad():
        plain.experts[0].model.head.ratings.bias.fill_(9.0)
    assert plain.experts[0].predict(items()).ratings.tolist() == [[1.0]] * 3


def test_a_second_save_of_what_was_loaded_is_the_same(wordy, tmp_path):
    wordy[0].save(tmp_path / "one")
    Bundle.load(tmp_path / "one").save(tmp_path / "two")
    assert bundle_digest(tmp_path / "one") == bundle_digest(tmp_path / "two")


def test_it_needs_nothing_that_it_was_made_from(wordy, tmp_path):
    bundle, folder = wordy
    given = [{"text": bundle.experts[0].extractors["text"](words)} for words in ("good good bad", "bad")]
    wanted = bundle.experts[0].predict(given).probabilities
    bundle.save(tmp_path / "one")
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    moved = (tmp_path / "one").rename(tmp_path / "two")
    found = Bundle.load(moved).experts[0]
    tokens = found.extractors["text"]("good good bad")
    assert np.array_equal(tokens.values, given[0]["text"].values)
    assert np.array_equal(found.predict(given).probabilities, wanted)
    manifest = (moved / MANIFEST).read_text()
    assert str(tmp_path) not in manifest
    names = {Path(name).name for name in tomllib.loads(manifest)["files"]}
    assert names == {"weights.safetensors", "config.json", "tokenizer.json"}


def test_a_frozen_encoder_in_a_folder_is_carried_along(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path / "encoder"
    words = Tokenizer(WordLevel({"[UNK]": 0, "good": 1, "bad": 2}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[UNK]").save_pretrained(folder)
    BertModel(
        BertConfig(
            vocab_size=3, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
        )
    ).save_pretrained(folder)
    features = {"text": {"name": "bert", "encoder": str(folder)}}
    bundle = bundle_of(expert_of("frozen", features, {"name": "composed", "encoders": {"text": MEAN}}))
    wanted = bundle.experts[0].extractors["text"]("good bad").values
    bundle.save(tmp_path / "bundle")
    folder.rename(tmp_path / "away")
    assert np.array_equal(
        Bundle.load(tmp_path / "bundle").experts[0].extractors["text"]("good bad").values, wanted
    )


def test_half_precision_is_smaller_and_close(wordy, tmp_path):
    bundle, _ = wordy
    bundle.save(tmp_path / "whole")
    bundle.save(tmp_path / "half", half=True)
    sizes = [(tmp_path / kind / "words/weights.safetensors").stat().st_size for kind in ("whole", "half")]
    # 40,000 words of 32 numbers: a byte each and a scale a word, instead of four bytes each; the rest two bytes.
    assert sizes[1] < 0.4 * sizes[0]
    from safetensors.torch import load_file

    stored = load_file(tmp_path / "half" / "words/weights.safetensors")
    table = "network.embeddings.word_embeddings.weight"
    assert [
        one.dtype for name, one in stored.items() if name.endswith(table) and name.startswith("model.")
    ] == [torch.int8]
    assert [
        one.shape for name, one in stored.items() if name.endswith(table) and name.startswith("scale.")
    ] == [(40000, 1)]
    assert stored["model.head.scores.weight"].dtype == torch.float16
    given = [{"text": bundle.experts[0].extractors["text"](words)} for words in ("good good bad", "bad")]
    whole, half = (Bundle.load(tmp_path / kind).experts[0] for kind in ("whole", "half"))
    assert half.predict(given).probabilities == pytest.approx(whole.predict(given).probabilities, abs=0.01)
    assert all(value.dtype != torch.float16 for value in half.model.state_dict().values())


def test_a_bundle_of_ratings_alone_has_no_pool(tmp_path):
    task = TaskSpec(ratings=("valence", "arousal"), rating_range=(1.0, 5.0))
    one = expert_of(
        "rated", {"audio": STORED}, {"name": "composed", "encoders": {"audio": MEAN}}, task=task
    )
    bundle_of(one, labels=()).save(tmp_path)
    found = Bundle.load(tmp_path)
    assert found.pool is None and found.labels == ()
    answer = found.experts[0].predict(items()[:2])
    assert answer.probabilities.shape == (2, 0) and answer.ratings.shape == (2, 2)
    assert answer.ratings.min() >= 1.0 and found.experts[0].task.rating_range == (1.0, 5.0)


@pytest.fixture
def saved(plain, tmp_path):
    folder = tmp_path / "bundle"
    plain.save(folder, extra={"card.md": "# Card\n"})
    return folder


def rewrite(folder: Path, **changes):
    manifest = tomllib.loads((folder / MANIFEST).read_text())
    manifest.update(changes)
    (folder / MANIFEST).write_text(tomli_w.dumps(manifest))


def garble(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def false_weights(folder):
    (folder / "both/weights.safetensors").write_bytes(b"nothing")
    files = tomllib.loads((folder / MANIFEST).read_text())["files"]
    rewrite(folder, files={**files, "both/weights.safetensors": hashlib.sha256(b"nothing").hexdigest()})


def first_expert(folder, **changes):
    expert = tomllib.loads((folder / MANIFEST).read_text())["experts"][0]
    rewrite(folder, experts=[{**expert, **changes}])


OTHER = {"name": "composed", "encoders": {"audio": MEAN, "video": MEAN}}
DAMAGES = {
    "wrong hash": (lambda f: garble(f / "both/weights.safetensors"), "damaged"),
    "card changed": (lambda f: (f / "card.md").write_text("nicer"), "damaged"),
    "missing file": (lambda f: (f / "both/weights.safetensors").unlink(), "lacks"),
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "no bundle"),
    "damaged manifest": (lambda f: (f / MANIFEST).write_text("format = ["), "manifest"),
    "no text": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe"), "manifest"),
    "newer": (lambda f: rewrite(f, format=99), "99 is newer"),
    "no format": (lambda f: rewrite(f, format="1"), "format"),
    "escape": (lambda f: rewrite(f, files={"../x": "0" * 64}), "outside"),
    "absolute": (lambda f: rewrite(f, files={"/etc/passwd": "0" * 64}), "outside"),
    "files no table": (lambda f: rewrite(f, files=3), "fit"),
    "hash no text": (lambda f: rewrite(f, files={"card.md": 3}), "bundle"),
    "experts no list": (lambda f: rewrite(f, experts=3), "fit"),
    "no weights": (false_weights, "fit"),
    "another model": (lambda f: first_expert(f, model=OTHER), "fit"),
    "unknown model": (lambda f: first_expert(f, model={"name": "magic"}), "magic"),
    "unknown feature": (lambda f: first_expert(f, features={"audio": {"name": "os.system"}}), "os.system"),
    "option outside": (lambda f: first_expert(f, features={"audio": {**STORED, "key": "bundle:../../x"}}), "outside"),
    "expert outside": (lambda f: first_expert(f, name="../both"), "outside|fit"),
    "no task": (lambda f: first_expert(f, task={}), "fit"),
    "calibrator": (lambda f: first_expert(f, calibrator={"kind": "magic"}), "magic"),
    "pool": (lambda f: rewrite(f, pool={}), "pool"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_bundle_that_does_not_hold_is_refused(saved, kind):
    damage, said = DAMAGES[kind]
    damage(saved)
    with pytest.raises(BundleError, match=said):
        Bundle.load(saved)


def test_weights_that_the_manifest_does_not_name_are_a_bundle_error(saved):
    (saved / "both/weights.safetensors").unlink()
    rewrite(saved, files={})
    with pytest.raises(BundleError):
        Bundle.load(saved)


def test_a_folder_that_cannot_be_made_is_an_output_error(plain, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        plain.save(tmp_path / "file" / "bundle")


def test_the_digest_follows_every_file_and_imports_nothing_heavy(plain, saved, tmp_path):
    with torch.no_grad():
        plain.experts[0].model.head.scores.bias.add_(1)
    plain.save(tmp_path / "other", extra={"card.md": "# Card\n"})
    assert bundle_digest(saved) != bundle_digest(tmp_path / "other")
    code = (
        "import sys, json; from emofuse.inference.bundle import bundle_digest; print(bundle_digest(sys.argv[1]));"
        "heavy = ('torch', 'transformers', 'scipy', 'sklearn', 'cv2', 'av', 'pandas');"
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(saved)], capture_output=True, text=True, timeout=60, check=True
    )
    digest, heavy = out.stdout.splitlines()
    assert digest == bundle_digest(saved) and json.loads(heavy) == []
    with pytest.raises(BundleError):
        bundle_digest(tmp_path)


def test_the_digest_is_not_given_for_a_damaged_bundle(tmp_path):
    import shutil

    from emofuse.inference.bundle import DEFAULT_BUNDLE, bundle_digest

    folder = tmp_path / "copy"
    shutil.copytree(DEFAULT_BUNDLE, folder)
    assert bundle_digest(folder) == bundle_digest(DEFAULT_BUNDLE)
    path = folder / "audio" / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="damaged"):
        bundle_digest(folder)


def test_the_card_of_the_default_bundle_shows_how_well_each_expert_is_calibrated():
    import re

    from emofuse.inference.bundle import DEFAULT_BUNDLE

    manifest = tomllib.loads((DEFAULT_BUNDLE / "bundle.toml").read_text(encoding="utf-8"))
    measured = json.loads((DEFAULT_BUNDLE / "measured.json").read_text(encoding="utf-8"))["calibration"]
    card = (DEFAULT_BUNDLE / "card.md").read_text(encoding="utf-8")
    shown = {file: words for words, file in re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", card)}
    assert len(shown) == len(manifest["experts"]) == 3
    for expert in manifest["experts"]:
        words, name = shown[f"reliability-{expert['name']}.png"], expert["name"]
        assert f"{measured[name]['n']:,} clips" in words and f"error {measured[name]['ece']:.3f}" in words
        content = (DEFAULT_BUNDLE / f"reliability-{name}.png").read_bytes()
        assert content.startswith(b"\x89PNG")
        assert manifest["files"][f"reliability-{name}.png"] == hashlib.sha256(content).hexdigest()


def test_weights_without_a_hash_are_not_read(tmp_path):
    import shutil

    from emofuse.inference.bundle import DEFAULT_BUNDLE

    folder = tmp_path / "copy"
    shutil.copytree(DEFAULT_BUNDLE, folder)
    path = folder / "bundle.toml"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join(line for line in lines if not line.startswith('"audio/weights')), encoding="utf-8"
    )
    with pytest.raises(BundleError, match="no sha256"):
        Bundle.load(folder)
