"""Every comparison with a peer, both sides in turns in one process, as one table: `python -m vpc2 bench [--write]`.

A row is one piece of work that a visitor waits for, done by us and by a peer that does the same; the number is the peer's time as a
multiple of ours, the median over the turns and, in brackets, the lowest and the highest. Below 1 the peer is quicker: those rows come
first. Peers that are not installed are named and left out. The rows are a table: adding one is one entry.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import io
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]
README = ROOT / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"

Work = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One comparison: what is done, the peer's name and package, and what makes both sides, as (ours, theirs)."""

    work: str
    peer: str
    package: str
    make: Callable[[], tuple[Work, Work]]


def _upload(op: str) -> tuple[Work, Work]:
    import studio

    data, pipeline, augment = studio.phone_photograph(), studio.one_step(op), studio.albumentations_of(op)
    return lambda: studio.ours_upload(data, pipeline, "cpu"), lambda: studio.theirs_upload(data, augment)


def _moved(op: str) -> tuple[Work, Work]:
    import numpy as np
    import studio

    pixels = studio.decode_photo(studio.phone_photograph(), "phone.jpg").pixels
    known, augment = (pixels.shape, studio.resize_pixels(pixels, studio.SIDE_PX)), studio.albumentations_of(op)
    small = np.ascontiguousarray(known[1])
    return lambda: studio.ours_moved(known, studio.one_step(op), "cpu"), lambda: studio.theirs_moved(small, augment)


def _batch() -> tuple[Work, Work]:
    import torch
    from torchvision.transforms import v2

    from vpc2.augment.pipeline import augment_batch
    from vpc2.augment.spec import Pipeline, edit_add

    pipeline = edit_add(Pipeline(), "RandomHorizontalFlip", {"p": 0.5})
    pipeline = edit_add(pipeline, "RandomAffine", {"degrees": [-10, 10], "translate": 0.1, "scale": [0.9, 1.1], "p": 1.0})
    pipeline = edit_add(pipeline, "ColorJitter", {"brightness": [0.8, 1.2], "contrast": [0.8, 1.2], "p": 1.0})
    theirs = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomAffine(10, (0.1, 0.1), (0.9, 1.1)), v2.ColorJitter(0.2, 0.2)])
    images = torch.rand(64, 3, 48, 48)
    return lambda: augment_batch(pipeline, images, 1), lambda: torch.stack([theirs(image) for image in images])


def _net(key: str) -> tuple[Work, Work]:
    import arithmetic

    net = arithmetic.NETS[key].net if key in arithmetic.NETS else arithmetic.resnet18()
    module = arithmetic.build_net(net).eval()
    arithmetic.check_equal(net, module)
    return lambda: arithmetic.ours(net), lambda: arithmetic.theirs(net, module)


def _train(peer: str, is_flat: bool = False, is_augmented: bool = False) -> tuple[Work, Work]:
    import training

    if is_flat:
        mlp = ("mlp", (3, 16, 16), "Flatten", ("Linear", {"out_features": 256}), "ReLU", ("Linear", {"out_features": 10}))
        case = training.Case(training.make_net(*mlp), 16, 4_000, 4)
    else:
        case = training.Case(training.NETS["small"].net, 32, 1_000, 2, training.PIPELINES["gentle"].pipeline if is_augmented else None)
    theirs = {"bare": lambda: case.bare(has_tricks=False), "tricks": lambda: case.bare(has_tricks=True)}.get(peer) or getattr(case, peer)
    return _quiet(case.vpc2), _quiet(theirs)


def _quiet(work: Work) -> Work:
    """Return work that says nothing and returns the seconds it measured itself."""

    def run() -> object:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return work()

    return run


def _views(key: str, count: int, is_quick: bool) -> tuple[Work, Work]:
    import torch
    import views

    from vpc2.codec import to_document

    torch.manual_seed(0)
    if key == "imagenet":
        classifier = views.open_classifier("imagenet")
    else:
        net = views.NETS[key].net
        means = views.Preprocessing(net.input[1], (0.4,) * 3, (0.3,) * 3)
        classifier = views.Classifier(views.build_net(net), means, tuple("0123456789"), {"net": to_document(net)})
    if is_quick:
        path = views.runtime.path_of(classifier)
        if not path.is_file():
            views.runtime.write(classifier, path)
        if not views.runtime.quicken(classifier):
            raise RuntimeError("the export does not answer as PyTorch does")
    elif not views.runtime.simplify(classifier):
        raise RuntimeError("folded it answers otherwise")
    images, wrapper = torch.rand(count, 3, *[classifier.preprocessing.size_px] * 2), views.theirs(classifier)
    with torch.no_grad():
        torch.testing.assert_close(views.ours(classifier, images), wrapper(images), atol=2e-5, rtol=0)

    def theirs() -> object:
        with torch.no_grad():
            return wrapper(images)

    return lambda: views.ours(classifier, images), theirs


ROWS = (
    *(
        Row(f"12 megapixels to eight draws on the screen: {op}", "Albumentations", "albumentations", lambda op=op: _upload(op))
        for op in ("RandomHorizontalFlip", "RandomAffine", "ColorJitter", "RandomGaussianBlur", "RandomJPEG")
    ),
    *(
        Row(f"a moved knob, eight draws: {op}", "Albumentations", "albumentations", lambda op=op: _moved(op))
        for op in ("RandomAffine", "ColorJitter")
    ),
    Row("a training batch of 64 at 48 px, a draw each: flip, affine, colour", "torchvision v2", "torchvision", _batch),
    Row("every shape, parameter and multiply-add of VGG-19", "torchinfo", "torchinfo", lambda: _net("vgg19")),
    Row("every shape, parameter and multiply-add of ResNet-18", "torchinfo", "torchinfo", lambda: _net("resnet18")),
    Row("a small CNN trained, all our reporting", "a bare loop", "torch", lambda: _train("bare")),
    Row("a small CNN trained, all our reporting", "a bare loop with our tricks", "torch", lambda: _train("tricks")),
    Row("a small CNN trained with augmentation", "a bare loop", "torch", lambda: _train("bare", is_augmented=True)),
    Row("a small CNN trained, all our reporting", "Lightning", "lightning", lambda: _train("lightning")),
    Row("a small CNN trained, all our reporting", "skorch", "skorch", lambda: _train("skorch")),
    Row("an MLP of half a millisecond a step trained", "a bare loop", "torch", lambda: _train("bare", is_flat=True)),
    *(
        Row(
            f"eight views, {name}, {count} picture{'s' * (count > 1)}, {how}",
            "ttach",
            "ttach",
            lambda a=key, b=count, c=quick: _views(a, b, c),
        )
        for key, name in (("imagenet", "EfficientNet-Lite0"), ("tiny", "a small net"))
        for count in (1, 32)
        for how, quick in (("ONNX Runtime", True), ("PyTorch", False))
    ),
)


def in_turns(ours: Work, theirs: Work, turns: int) -> list[tuple[float, float]]:
    """Return seconds of both sides, a pair a turn, after one turn that warms up. Work that measures itself returns its seconds."""

    def seconds(work: Work) -> float:
        began = time.perf_counter()
        told = work()
        return told if isinstance(told, float) else time.perf_counter() - began

    seconds(ours), seconds(theirs)
    return [(seconds(ours), seconds(theirs)) for _turn in range(turns)]


def measure(row: Row, turns: int, most_s: float) -> dict:
    ours, theirs = row.make()
    first = in_turns(ours, theirs, 1)
    more = min(turns - 1, int(most_s / max(sum(first[0]), 1e-6)))
    pairs = first + (in_turns(ours, theirs, more) if more > 0 else [])
    ratios = sorted(b / a for a, b in pairs)
    return {
        "work": row.work,
        "peer": row.peer,
        "ours_ms": 1000 * statistics.median(a for a, _b in pairs),
        "ratio": statistics.median(ratios),
        "low": ratios[0],
        "high": ratios[-1],
        "turns": len(pairs),
    }


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def written(found: list[dict]) -> str:
    """Return the table as Markdown, what loses first."""
    lines = ["| work | peer | ours, ms | peer's time / ours (lowest to highest) |", "| --- | --- | ---: | --- |"]
    for one in sorted(found, key=lambda one: one["ratio"]):
        spread = f"{figure(one['low'])} to {figure(one['high'])}"
        lines.append(f"| {one['work']} | {one['peer']} | {figure(one['ours_ms'])} | **{figure(one['ratio'])}** ({spread}) |")
    return "\n".join(lines)


def machine() -> str:
    """Return in a line on what, with which versions and when it was measured."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    where = f"{os.cpu_count()} cores ({platform.machine()}), {device}; Python {platform.python_version()}"
    names = dict.fromkeys(("torch", "torchvision", "kornia", "onnxruntime", *(row.package for row in ROWS)))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names if importlib.util.find_spec(name))
    return f"{where}, {versions}; {time.strftime('%Y-%m-%d')}."


def rows_of(readme: str) -> set[tuple[str, str]]:
    """Return (work, peer) of every row of the table in a README."""
    table = readme[readme.index(BEGIN) : readme.index(END)]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")]
    return {(row[0].strip(), row[1].strip()) for row in cells[1:] if not row[0].strip().startswith("---")}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--most", type=float, default=20.0, metavar="S", help="seconds that a row may take, more or less")
    parser.add_argument("--only", default="", metavar="WORDS", help="rows whose work or peer holds these words")
    parser.add_argument("--write", action="store_true", help="write the table into the README")
    given = parser.parse_args(arguments)
    found = []
    for row in ROWS:
        if given.only.lower() not in f"{row.work} {row.peer}".lower():
            continue
        if importlib.util.find_spec(row.package) is None:
            print(f"not installed, left out: {row.peer} ({row.work})", file=sys.stderr)
            continue
        found.append(measure(row, given.turns, given.most))
        print(f"{found[-1]['ratio']:8.2f}  {row.work}: {row.peer}", file=sys.stderr, flush=True)
    table = f"{written(found)}\n\n{machine()}"
    print(table)
    if given.write:
        text = README.read_text()
        README.write_text(f"{text[: text.index(BEGIN)]}{BEGIN}\n{table}\n{text[text.index(END) :]}")


if __name__ == "__main__":
    main()
