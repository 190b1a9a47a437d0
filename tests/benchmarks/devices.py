"""Two devices doing the same, in turns in one process: previews by batch and size, a training, eight views. CPU against GPU.

    python tests/benchmarks/devices.py [--devices cpu cuda] [--turns 5]

Prints one Markdown table with medians and the ratio of the first device's time to the second's, and on what it was measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from table import figure, machine  # noqa: E402

from vpc2.augment.pipeline import draw_images  # noqa: E402
from vpc2.augment.presets import PIPELINES  # noqa: E402
from vpc2.data.datasets import load_dataset  # noqa: E402
from vpc2.nets.module import build_net  # noqa: E402
from vpc2.nets.presets import NETS  # noqa: E402
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.opening import open_classifier  # noqa: E402
from vpc2.predict.tta.predict import predict_views  # noqa: E402
from vpc2.predict.tta.views import VIEW_SETS  # noqa: E402
from vpc2.training.presets import RECIPES  # noqa: E402
from vpc2.training.trainer.trainer import fit  # noqa: E402

Work = Callable[[str], Callable[[], object]]


def previews(draws: int, side_px: int) -> Work:
    image = torch.rand(3, side_px, side_px, generator=torch.Generator().manual_seed(0))
    return lambda device: lambda: [draw.image.cpu() for draw in draw_images(PIPELINES["strong"].pipeline, image, draws, device=device)]


def training(key: str) -> Work:
    recipe = RECIPES[key].recipe
    recipe = replace(recipe, settings={**recipe.settings, "epochs": 5, "budget_s": 600.0})
    data = load_dataset(recipe.dataset, recipe.settings["size_px"])
    return lambda device: lambda: fit(recipe, lambda event: None, device=device, data=data)


def views(key: str, pictures: int) -> Work:
    def made(device: str) -> Callable[[], object]:
        if key == "imagenet":
            classifier = open_classifier("imagenet")
        else:
            classifier = Classifier(build_net(NETS[key].net), Preprocessing(32, (0.4,) * 3, (0.3,) * 3), tuple("0123456789"))
        classifier.module.to(device)
        side = classifier.preprocessing.size_px
        images = torch.rand(pictures, 3, side, side, generator=torch.Generator().manual_seed(0))
        return lambda: predict_views(classifier, images, VIEW_SETS["standard"].views)

    return made


def works() -> Iterator[tuple[str, Work]]:
    for draws in (8, 32):
        for side_px in (128, 384, 1024):
            yield f"{draws} draws of a strong pipeline at {side_px} px", previews(draws, side_px)
    yield "five epochs of the drawn shapes", training("shapes")
    for key, title in (("small", "a small net"), ("imagenet", "EfficientNet-Lite0")):
        for pictures in (1, 32, 256):
            yield f"the standard views of {pictures} pictures, {title}", views(key, pictures)


def seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", nargs=2, default=("cpu", "cuda"))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    if "cuda" in given.devices and not torch.cuda.is_available():
        sys.exit("There is no GPU that this torch can use: name two devices that are here, such as --devices cpu cpu:0.")
    first, second = given.devices
    print(f"| work | {first}, ms | {second}, ms | {first} / {second} (lowest to highest) |\n| --- | ---: | ---: | --- |")
    for title, work in works():
        if given.only in title:
            acts = [work(device) for device in given.devices]
            pairs = [tuple(seconds(act) for act in acts) for _turn in range(given.turns + 1)][1:]
            ratios = sorted(one / other for one, other in pairs)
            ms = [figure(1000 * statistics.median(side)) for side in zip(*pairs, strict=True)]
            spread = f"**{figure(statistics.median(ratios))}** ({figure(ratios[0])} to {figure(ratios[-1])})"
            print(f"| {title} | {ms[0]} | {ms[1]} | {spread} |", flush=True)
    print(f"\n{machine()}")


if __name__ == "__main__":
    main()
