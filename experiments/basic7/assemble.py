"""The default bundle from its finished runs, with its card, and the check of its pool.

    python experiments/basic7/assemble.py RUNS OUT [--without-fold N]

RUNS holds text, face, speech (the model that is shipped) and speech-fold0 to speech-fold4 (out-of-fold
predictions for the calibrator). `--without-fold N` makes the bundle that never heard fold N's speakers:
fold N's own model, calibrated on the other folds.
"""

import argparse
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from emofuse.datasets import load_corpus
from emofuse.evaluation import METRICS, evaluate
from emofuse.evaluation.calibration import ece_null_quantile
from emofuse.evaluation.card import CardFacts, DataSource, model_card
from emofuse.evaluation.metrics.calibration_error import expected_calibration_error as ece
from emofuse.evaluation.plots import reliability_plot
from emofuse.inference.assemble import Source, assemble, pooled
from emofuse.inference.bundle import Bundle
from emofuse.inference.runs import read_predictions
from emofuse.models.calibrators import cross_fitted
from emofuse.models.pooling import mean_pool

FOLDS = range(5)
# What each expert's calibration is shown on: clips of one label that neither it nor its calibrator was fitted on.
HELD_OUT = {
    "text": "words: GoEmotions test, comments of one label",
    "audio": "voice: RAVDESS and EMO-DB, out of fold",
    "video": "face: FER2013 PublicTest without duplicates",
}
LIMITS = (
    "No labelled raw clips with all three modalities were at hand: the fusion is derived from each expert's "
    "held-out reliability and class prior, not fitted, and was checked on synthetic pairings only.",
    "Speech was learnt from actors (20 English, 10 German speakers, few sentences each); everyday speech is "
    "subtler, and scores on it will be lower.",
    "Faces were learnt from web pictures whose labels even people agree on only in about two of three cases.",
    "Text is English; written comments taught it the emotions, rated sentences valence and arousal.",
    "Valence and arousal from speech and face are expectations over class coordinates (Russell & Mehrabian "
    "1977), not measurements.",
    "The shipped speech model is trained on nearly all speakers; its calibrator comes from the predictions of "
    "the five fold models for speakers that each had not heard.",
    "Age, sex, skin colour and culture are not labelled in the data, so fairness across them was not measured.",
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--without-fold", type=int)
    chosen = parser.parse_args()
    found = sources(chosen.runs, without_fold=chosen.without_fold)
    bundle = assemble("basic7", "1.0", found)
    experts = held_out(found)
    facts = measure(experts, bundle.pool)
    bundle.save(chosen.out, half=True)
    facts["text_storage"] = storage_loss(chosen.runs / "text", chosen.out)
    extra = {"card.md": card(chosen.runs, found, facts), "measured.json": json.dumps(facts, indent=1)}
    bundle.save(chosen.out, extra={**extra, **diagrams(experts)}, half=True)
    print(json.dumps(facts, indent=1))


def sources(runs, *, without_fold=None):
    folds = [runs / f"speech-fold{fold}" for fold in FOLDS if fold != without_fold]
    speech = runs / ("speech" if without_fold is None else f"speech-fold{without_fold}")
    return {
        "text": Source(runs / "text", [runs / "text"], "valid", {}),
        "audio": Source(speech, folds, "test", {}),
        "video": Source(runs / "face", [runs / "face"], "valid", {"video": {"name": "face"}}),
    }


def held_out(found):
    """By expert, calibrated probabilities of clips with one label, and that label; neither expert nor calibrator was
    fitted on them."""
    scored = {name: read_predictions(found[name].run)["test"] for name in ("text", "video")}
    held = {name: pooled(source) for name, source in found.items()}
    experts = {}
    for name, source in found.items():
        if source.role == "test":
            made = held[name]
            probabilities = cross_fitted(made.scores, made.truth, groups=list(made.groups))
        else:
            made, probabilities = scored[name], scored[name].probabilities
        single = np.isfinite(made.truth).all(axis=1) & (np.nan_to_num(made.truth).max(axis=1) > 0.5)
        experts[name] = probabilities[single], made.truth[single].argmax(axis=1)
    return experts


def measure(experts, pool):
    facts = {"weights": dict(pool.weights), "prior": list(pool.prior), "calibration": {}}
    for name, (probabilities, truth) in experts.items():
        bound = ece_null_quantile(probabilities, generator=np.random.default_rng(0))
        facts["calibration"][name] = {
            "n": len(truth),
            "ece": ece(truth, probabilities),
            "perfect_model_q95": bound,
        }
    return {**facts, "pairings": pairings(experts, pool)}


def diagrams(experts):
    """Each expert's reliability diagram as a PNG, by the name that it has in the bundle."""
    found = {}
    with TemporaryDirectory() as folder:
        for name, (probabilities, truth) in experts.items():
            path = Path(folder) / diagram(name)
            reliability_plot(probabilities, truth, path, title=HELD_OUT[name])
            found[path.name] = path.read_bytes()
    return found


def diagram(name):
    return f"reliability-{name}.png"


def storage_loss(run, out):
    """Macro F1 on the test comments of the expert as trained and as stored (float16, word table in int8)."""
    made = read_predictions(run)["test"]
    single = np.nan_to_num(made.truth).max(axis=1) > 0.5
    wanted = {name for name, one in zip(made.ids, single, strict=True) if one}
    clips = {
        f"goemotions/{clip.id}": clip
        for clip in load_corpus("goemotions", Path(os.environ["EMOFUSE_DATA"]) / "goemotions").clips
    }
    order = [name for name in made.ids if name in wanted]
    truth = made.truth[single].argmax(axis=1)
    scored = {}
    for how, folder in (("float32", run), ("stored", out)):
        expert = next(one for one in Bundle.load(folder).experts if one.modalities == ("text",))
        items = [{"text": expert.extractors["text"](clips[name].text)} for name in order]
        found = expert.predict(items).probabilities.argmax(axis=1)
        scored[how] = METRICS.load("macro_f1").compute(truth, found, len(made.task.labels))
    return scored


def pairings(experts, pool, draws=6000):
    """Same-label clips of the experts' held-out sets, drawn together; no clip was trained on."""
    generator = np.random.default_rng(0)
    labels = generator.choice(len(pool.prior), size=draws, p=pool.prior)
    drawn = {}
    for name, (probabilities, truth) in experts.items():
        rows = [generator.choice(np.flatnonzero(truth == label)) for label in labels]
        drawn[name] = probabilities[rows]
    sets = {name: (name,) for name in drawn} | {
        "text+audio": ("text", "audio"),
        "audio+video": ("audio", "video"),
        "all": tuple(drawn),
    }
    table = {}
    for title, names in sets.items():
        given = {name: drawn[name] for name in names}
        for how, fused in (("pool", pool(given).probabilities), ("mean", mean_pool(given).probabilities)):
            table[f"{title}/{how}"] = {
                "accuracy": float((fused.argmax(1) == labels).mean()),
                "ece": ece(labels, fused),
            }
    return table


def card(runs, found, facts):
    metrics = [METRICS.load(name) for name in ("accuracy", "uar", "macro_f1", "weighted_f1", "ece")]
    made = {
        "text: GoEmotions and EmoBank test": read_predictions(runs / "text")["test"],
        "speech: RAVDESS and EMO-DB, out of fold": pooled(found["audio"]),
        "face: FER2013 PublicTest without duplicates": read_predictions(runs / "face")["test"],
    }
    reports = {
        title: evaluate(one, metrics, generator=np.random.default_rng(0)) for title, one in made.items()
    }
    data = []
    for folder in ("text", "speech", "face"):
        one = json.loads((found_run(runs, folder) / "data.json").read_text(encoding="utf-8"))
        data.append(DataSource(one["corpus"], one["citation"], one["licence"], f"{folder} expert"))
    return model_card(
        CardFacts(
            name="basic7", version="1.0",
            task="Seven emotions (anger, disgust, fear, joy, neutral, sadness, surprise), valence and arousal",
            inputs=("text: English words", "audio: speech", "video: the main face"),
            data=tuple(data),
            protocol="Text: official split. Speech: five folds that share no speaker. Face: official split, a part "
            "of train for validation. Epochs chosen on validation; calibrators fitted without the scored clips",
            seeds=(1,), reports=reports,
            calibration=tuple(
                f"{name}: expected calibration error {one['ece']:.3f} over {one['n']} held-out clips (15 bins; 95 % of "
                f"perfectly calibrated models of that size stay below {one['perfect_model_q95']:.3f})."
                for name, one in facts["calibration"].items()
            ),
            pictures={
                f"Reliability diagram of {HELD_OUT[name]}: accuracy against confidence in 15 bins, {one['n']:,} clips, "
                f"calibration error {one['ece']:.3f}": diagram(name)
                for name, one in facts["calibration"].items()
            },
            limits=(*LIMITS, storage(facts)),
            licence="research, non-commercial: RAVDESS is CC BY-NC-SA 4.0 and FER2013 is for research",
        )
    )  # fmt: skip


def storage(facts):
    kept = facts["text_storage"]
    return (
        f"Stored small (float16, word table in int8): macro F1 of text is {kept['stored']:.4f} instead of "
        f"{kept['float32']:.4f}."
    )


def found_run(runs, name):
    return runs / name if (runs / name).is_dir() else runs / f"{name}-fold0"


if __name__ == "__main__":
    main()
