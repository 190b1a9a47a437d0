"""What tests of the pages share: the files a page shows, and a classifier whose answers scikit-learn knows."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from tests.ui.pages import VISITOR, Media


@pytest.fixture
def media(monkeypatch):
    """Keep what pages show and offer: the test driver forgets it after every run."""
    from streamlit.runtime.media_file_manager import MediaFileManager

    kept, add, defer = Media({}, {}, {}), MediaFileManager.add, MediaFileManager.add_deferred

    def add_and_keep(self, data, mimetype, coordinates, file_name=None, **more):
        url = add(self, data, mimetype, coordinates, file_name, **more)
        if isinstance(data, bytes):
            kept.by_url[url] = data
            if file_name:
                kept.by_name[file_name] = data
        return url

    def defer_and_keep(self, write, mimetype, coordinates, file_name=None, **more):
        kept.written[file_name] = write
        return defer(self, write, mimetype, coordinates, file_name, **more)

    monkeypatch.setattr(MediaFileManager, "add", add_and_keep)
    monkeypatch.setattr(MediaFileManager, "add_deferred", defer_and_keep)
    return kept


@dataclass
class Known:
    """A run of the digits whose classifier is scikit-learn's logistic regression: what it answers is known outside.

    `images` uint8 (N, 8, 8, 3) and `labels` are its test pictures; `ask` gives scikit-learn's probabilities (N, 10) of such images.
    """

    id: str
    run: object
    images: np.ndarray
    labels: np.ndarray
    ask: object


@pytest.fixture(scope="session")
def _regression():
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    from vpc2 import codec
    from vpc2.data import digits
    from vpc2.data.imageset import split_images
    from vpc2.nets.module import build_net
    from vpc2.nets.spec import make_net
    from vpc2.predict.classifier import Classifier, Preprocessing
    from vpc2.training.presets import RECIPES

    table = load_digits()
    images = np.repeat(np.round(table.images * (255 / 16)).astype(np.uint8)[..., None], 3, axis=-1)
    recipe = RECIPES["digits"].recipe
    net = make_net("", (1, 8, 8), "Flatten", ("Linear", {"out_features": 10}))
    recipe = replace(recipe, net=net, settings={**recipe.settings, "size_px": 8})
    split = split_images(digits.load("digits", 8), recipe.settings["seed"], recipe.settings["train_share"])
    few = split.train[:150]  # so few that it errs, and that views mend some answers and break others
    flat = lambda pictures: pictures[..., 0].reshape(len(pictures), -1) / 255  # noqa: E731
    model = LogisticRegression(max_iter=200).fit(flat(images[few]), table.target[few])
    module = build_net(net).eval()
    with torch.no_grad():
        module[-1].weight.copy_(torch.from_numpy(model.coef_))
        module[-1].bias.copy_(torch.from_numpy(model.intercept_))
    made = {"net": codec.to_document(net), "recipe": codec.to_document(recipe)}
    classifier = Classifier(module, Preprocessing(8, (0.0,), (1.0,), 1), tuple("0123456789"), made)
    return recipe, classifier, images[split.test], table.target[split.test], lambda pictures: model.predict_proba(flat(pictures))


@pytest.fixture
def known(own_home, _regression):
    from vpc2.predict.classifier import save_classifier
    from vpc2.training.runs.events import EventWriter
    from vpc2.training.runs.store import RunStore

    recipe, classifier, images, labels, ask = _regression
    run = RunStore().create(recipe, name="regression", owner=VISITOR)
    save_classifier(classifier, run.model_path)
    writer = EventWriter(run.folder)
    answers = ask(images).argmax(1)
    counts = {"train": 150, "validation": 360, "test": len(labels)}
    start = {"classes": list("0123456789"), "counts": counts, "params": 650, "device": "cpu", "epochs": 3, "budget_s": 9.0}
    writer.write({"type": "start", **start, "steps_per_epoch": 1})
    for i in range(1, 4):
        scores = {"train_loss": 3.0 - i / 2, "train_accuracy": 0.2 * i, "val_loss": 3.0 - i / 3, "val_accuracy": 0.1 * i + 0.05}
        writer.write({"type": "step", "step": i, "epoch": i, "loss": 3.0 - i / 2, "accuracy": 0.2 * i, "learning_rate": 0.01 * i})
        writer.write({"type": "epoch", "epoch": i, "step": i, **scores, "images_per_s": 100.0 * i, "elapsed_s": 2.0 * i, "is_best": True})
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, answers), 1)
    hits = "".join("01"[int(hit)] for hit in answers == labels)
    end = {"test_accuracy": float((answers == labels).mean()), "test_loss": 0.5, "test_hits": hits, "confusion": confusion.tolist()}
    writer.write({"type": "end", "state": "finished", "reason": None, **end, "best_epoch": 3, "elapsed_s": 6.0})
    writer.close()
    return Known(run.id, run, images, labels, ask)
