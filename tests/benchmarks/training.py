"""Pictures a second of a run with all its reporting, against bare loops and other trainers, in turns in one process.

    python tests/benchmarks/training.py [--turns 5] [--only cnn mlp precision threads]

Both sides train the same net on the same pictures for the same epochs, and validate after each. What loses is printed first.
Lightning, skorch and Keras are no dependencies: those that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

sys.path.insert(0, str(Path(__file__).parents[2]))

from vpc2.augment.pipeline import augment_batch  # noqa: E402
from vpc2.augment.presets import PIPELINES  # noqa: E402
from vpc2.data.imageset import ImageSet, split_images  # noqa: E402
from vpc2.nets.module import build_net  # noqa: E402
from vpc2.nets.presets import NETS  # noqa: E402
from vpc2.nets.spec import make_net  # noqa: E402
from vpc2.training.queue.worker import train  # noqa: E402
from vpc2.training.runs.events import read_events  # noqa: E402
from vpc2.training.runs.store import make_run  # noqa: E402
from vpc2.training.settings import SETTINGS  # noqa: E402
from vpc2.training.spec import Recipe  # noqa: E402

BATCH = 64


def some_data(side: int, count: int) -> ImageSet:
    """Return noise with labels: what is learned does not matter here."""
    rng = np.random.default_rng(0)
    return ImageSet(rng.integers(0, 256, (count, side, side, 3), np.uint8), np.arange(count) % 10, tuple("0123456789"))


class Case:
    """One net on one data set for some epochs, trained by each contender; every method returns seconds."""

    def __init__(self, net, side: int, count: int, epochs: int, pipeline=None):
        self.data = some_data(side, count)
        settings = {"size_px": side, "epochs": epochs, "batch_size": BATCH, "learning_rate": 0.01, "optimiser": "sgd", "budget_s": 600}
        self.recipe = Recipe("digits", net, pipeline, SETTINGS.clean({**settings, "schedule": "constant", "weight_decay": 0.0}), "bench")
        self.split = split_images(self.data, 0, 0.6)
        self.epochs, self.side = epochs, side

    def vpc2(self, **settings) -> float:
        from vpc2.training.trainer import trainer as trainer_trainer

        recipe = replace(self.recipe, settings={**self.recipe.settings, **settings})
        load, trainer_trainer.load_dataset = trainer_trainer.load_dataset, lambda key, size_px: self.data
        try:
            with tempfile.TemporaryDirectory() as place:
                run = make_run(Path(place) / "benchmark", recipe)
                train(run)
                events, _ = read_events(run.folder)
                return [event["elapsed_s"] for event in events if event["type"] == "epoch"][-1]
        finally:
            trainer_trainer.load_dataset = load

    def arrays(self, part: str) -> tuple[torch.Tensor, torch.Tensor]:
        index = getattr(self.split, part)
        images = torch.from_numpy(self.data.images[index]).permute(0, 3, 1, 2).contiguous().float().div(255)  # as every loader gives them
        return (images - 0.5) / 0.29, torch.from_numpy(self.data.labels[index]).long()

    def bare(self, *, has_tricks: bool) -> float:
        """The loop of every tutorial; with `has_tricks` in channels_last, from bytes, as ours."""
        module = build_net(self.recipe.net)
        if has_tricks:
            module = module.to(memory_format=torch.channels_last)
        optimiser = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
        whole, labels = self.arrays("train")
        pixels = torch.from_numpy(np.ascontiguousarray(self.data.images[self.split.train]))
        val, val_labels = self.arrays("validation")
        began = time.perf_counter()
        for epoch in range(self.epochs):
            module.train()
            for step, index in enumerate(torch.randperm(len(labels)).tensor_split(-(-len(labels) // BATCH))):
                if has_tricks or self.recipe.pipeline is not None:
                    images = pixels[index].permute(0, 3, 1, 2).float().div_(255)
                    if self.recipe.pipeline is not None:
                        images = augment_batch(self.recipe.pipeline, images, epoch * 10_000 + step)
                    images = (images - 0.5) / 0.29
                    images = images.contiguous(memory_format=torch.channels_last if has_tricks else torch.contiguous_format)
                else:
                    images = whole[index]
                loss = cross_entropy(module(images), labels[index])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                loss.item()
            module.eval()
            with torch.no_grad():
                for index in torch.arange(len(val)).split(BATCH):
                    cross_entropy(module(val[index]), val_labels[index]).item()
        return time.perf_counter() - began

    def lightning(self) -> float:
        import lightning
        from torch.utils.data import DataLoader, TensorDataset

        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

        class Module(lightning.LightningModule):
            def __init__(module, net):
                super().__init__()
                module.net = net

            def forward(module, images):
                return module.net(images)

            def training_step(module, batch, index):
                loss = cross_entropy(module(batch[0]), batch[1])
                module.log("loss", loss)
                return loss

            def validation_step(module, batch, index):
                module.log("val_loss", cross_entropy(module(batch[0]), batch[1]))

            def configure_optimizers(module):
                return torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)

        loaders = [
            DataLoader(TensorDataset(*self.arrays(part)), batch_size=BATCH, shuffle=part == "train") for part in ("train", "validation")
        ]
        with tempfile.TemporaryDirectory() as place:
            trainer = lightning.Trainer(
                max_epochs=self.epochs,
                accelerator="cpu",
                default_root_dir=place,
                enable_progress_bar=False,
                enable_model_summary=False,
                num_sanity_val_steps=0,
                logger=lightning.pytorch.loggers.CSVLogger(place),
            )
            module = Module(build_net(self.recipe.net))
            began = time.perf_counter()
            trainer.fit(module, *loaders)
            return time.perf_counter() - began

    def skorch(self) -> float:
        from skorch import NeuralNetClassifier
        from skorch.helper import predefined_split
        from torch.utils.data import TensorDataset

        net = NeuralNetClassifier(
            build_net(self.recipe.net),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.SGD,
            optimizer__momentum=0.9,
            lr=0.01,
            batch_size=BATCH,
            max_epochs=self.epochs,
            iterator_train__shuffle=True,
            train_split=predefined_split(TensorDataset(*self.arrays("validation"))),
            verbose=0,
        )
        images, labels = self.arrays("train")
        net.initialize()
        began = time.perf_counter()
        net.partial_fit(TensorDataset(images, labels), labels)
        return time.perf_counter() - began

    def keras(self) -> float:
        import keras

        module = keras.Sequential(
            [keras.layers.Input((3, self.side, self.side)), keras.layers.TorchModuleWrapper(build_net(self.recipe.net))]
        )
        module.compile(
            optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        (images, labels), val = self.arrays("train"), self.arrays("validation")
        began = time.perf_counter()
        module.fit(
            images.numpy(), labels.numpy(), batch_size=BATCH, epochs=self.epochs, verbose=0, validation_data=[one.numpy() for one in val]
        )
        return time.perf_counter() - began


def compare(title: str, case: Case, contenders: dict, turns: int) -> None:
    """Let all of them train in turns and print medians and ratios against vpc2; what beats us comes first."""
    print(f"\n{title}: {len(case.split.train):,} pictures of {case.side} px, {case.epochs} epochs, {torch.get_num_threads()} threads")
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns + 1):
        for name, work in contenders.items():
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                seconds = work()
            if turn:  # the first turn warms up
                took[name].append(seconds)
    ours = "vpc2, all its reporting"
    images = case.epochs * len(case.split.train)
    ratios = {name: statistics.median(a / b for a, b in zip(took[name], took[ours], strict=True)) for name in took}
    for name in sorted(took, key=ratios.__getitem__):
        median = statistics.median(took[name])
        spread = f"{min(took[name]):.2f} to {max(took[name]):.2f} s"
        print(f"  {name:34} {images / median:9,.0f} pictures/s   {ratios[name]:5.2f} times our time   ({spread})")


def others(case: Case) -> dict:
    found = {}
    for name, title in (("lightning", "Lightning"), ("skorch", "skorch"), ("keras", "Keras on torch")):
        if importlib.util.find_spec(name) is None:
            print(f"not installed, left out: {title}")
        else:
            found[title] = getattr(case, name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=["cnn", "augmented", "mlp", "precision", "threads"])
    given = parser.parse_args()
    small = NETS["small"].net
    mlp = make_net("mlp", (3, 16, 16), "Flatten", ("Linear", {"out_features": 256}), "ReLU", ("Linear", {"out_features": 10}))
    if "cnn" in given.only:
        case = Case(small, 32, 2_000, 3)
        bare = {
            "the usual bare loop": lambda: case.bare(has_tricks=False),
            "a bare loop with our tricks": lambda: case.bare(has_tricks=True),
        }
        compare("CNN", case, {"vpc2, all its reporting": case.vpc2, **bare, **others(case)}, given.turns)
    if "augmented" in given.only:
        augmented = Case(small, 32, 2_000, 3, PIPELINES["gentle"].pipeline)
        bare = {"the usual bare loop": lambda: augmented.bare(has_tricks=False)}
        bare["a bare loop with our tricks"] = lambda: augmented.bare(has_tricks=True)
        compare("CNN with augmentation", augmented, {"vpc2, all its reporting": augmented.vpc2, **bare}, given.turns)
    if "mlp" in given.only:
        flat = Case(mlp, 16, 8_000, 6)
        bare = {
            "the usual bare loop": lambda: flat.bare(has_tricks=False),
            "a bare loop with our tricks": lambda: flat.bare(has_tricks=True),
        }
        compare("MLP, where only overhead shows", flat, {"vpc2, all its reporting": flat.vpc2, **bare, **others(flat)}, given.turns)
    if "precision" in given.only:
        case = Case(small, 32, 1_000, 2)
        compare("precision", case, {"vpc2, all its reporting": case.vpc2, "bf16": lambda: case.vpc2(precision="bf16")}, given.turns)
    if "threads" in given.only:
        case, whole = Case(small, 32, 1_000, 2), torch.get_num_threads()

        def with_threads(count: int) -> float:
            torch.set_num_threads(count)
            try:
                return case.vpc2()
            finally:
                torch.set_num_threads(whole)

        compare("threads", case, {"vpc2, all its reporting": case.vpc2, "one thread": lambda: with_threads(1)}, given.turns)


if __name__ == "__main__":
    main()
