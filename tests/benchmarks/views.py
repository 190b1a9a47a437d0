"""Eight views of one photograph and of 32, ours against ttach's wrapper doing the same views, in turns in one process.

`python tests/benchmarks/views.py [--memory]`. Times are shares of ttach's: below 1 ours is quicker. The views are all symmetries of the
square, which ttach has, too. With `--memory` (Linux), in place of times: how far the process grows at its highest while it asks, each
count in a process of its own, against all views of all photographs in one pass.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch  # noqa: E402
import ttach  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))

from vpc2.nets.module import build_net  # noqa: E402
from vpc2.nets.presets import NETS  # noqa: E402
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.opening import open_classifier  # noqa: E402
from vpc2.predict.runtime import onnx_runtime
from vpc2.predict.tta import predict  # noqa: E402
from vpc2.system import host  # noqa: E402

WAYS = ("one pass", "PyTorch", "ONNX Runtime")
TURNS = ("identity", "turn_90", "turn_180", "turn_270")


def ours(classifier, images):
    """Eight views: four turns of the picture and of its mirror image, merged by the mean."""
    both = torch.cat([images, images.flip(-1)])
    return predict.merge(predict.predict_views(classifier, both, TURNS)).view(2, len(images), -1).mean(0)


def theirs(classifier):
    asked = torch.nn.Module()
    asked.forward = lambda x: classifier.module((x - mean) / std).softmax(1)
    mean = torch.tensor(classifier.preprocessing.mean).view(1, -1, 1, 1)
    std = torch.tensor(classifier.preprocessing.std).view(1, -1, 1, 1)
    return ttach.ClassificationTTAWrapper(asked, ttach.aliases.d4_transform(), merge_mode="mean")


@torch.no_grad()
def measure(name, classifier, count, rounds):
    size = classifier.preprocessing.size_px
    images, wrapper = torch.rand(count, 3, size, size), theirs(classifier)
    sides = {"ttach": lambda: wrapper(images)}
    runner = classifier.runner
    assert onnx_runtime.simplify(classifier), "folded it answers otherwise"
    folded = classifier.runner

    def through(which):
        def run():
            object.__setattr__(classifier, "runner", which)
            return ours(classifier, images)

        return run

    sides["ours, PyTorch"] = through(folded)
    if runner is not None:
        sides["ours, ONNX Runtime"] = through(runner)
        sides["one plain PyTorch prediction"] = lambda: classifier.module(classifier.normalise(images))
    answers = {key: side() for key, side in sides.items()}
    for key, answer in answers.items():
        if key.startswith("ours"):
            torch.testing.assert_close(answer, answers["ttach"], atol=2e-5, rtol=0)
    times = {key: [] for key in sides}
    for _round in range(rounds):
        for key, side in sides.items():
            began = time.perf_counter()
            side()
            times[key].append(time.perf_counter() - began)
    base = statistics.median(times["ttach"])
    print(f"\n{name}, {count} picture{'s' * (count > 1)}, eight views, {torch.get_num_threads()} threads")
    for key, each in sorted(times.items(), key=lambda item: -statistics.median(item[1])):
        middle = statistics.median(each)
        print(f"  {key:30} {1000 * middle:9.1f} ms  {middle / base:5.2f} of ttach's   ({1000 * min(each):.1f} to {1000 * max(each):.1f})")
    object.__setattr__(classifier, "runner", runner)


@torch.no_grad()
def grow(way, count):
    """Print by how many MB the highest point of this process's memory rises while eight views of `count` photographs are asked."""
    classifier = open_classifier("imagenet")
    host.keep_freed_memory()
    if way == "PyTorch":
        assert onnx_runtime.simplify(classifier)
    elif way == "ONNX Runtime":
        assert onnx_runtime.quicken(classifier), "no file yet: run this benchmark without --memory once"
    size = classifier.preprocessing.size_px
    images = torch.rand(count, 3, size, size)
    classifier.logits(images[:1])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if way == "one pass":
        classifier.logits(torch.cat([predict.apply_view(view, both) for both in (images, images.flip(-1)) for view in TURNS]))
    else:
        ours(classifier, images)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / host.MB)


def memory():
    print(f"{'photographs':>12}" + "".join(f"{way:>16}" for way in WAYS) + "   (MB on top of what was there)")
    for count in (1, 8, 32, 128):
        found = []
        for way in WAYS:
            ended = subprocess.run([sys.executable, __file__, "--grow", way, str(count)], capture_output=True, text=True)
            found.append(f"{float(ended.stdout.split()[-1]):16.0f}" if not ended.returncode else f"{'no memory':>16}")
        print(f"{count:12}" + "".join(found), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--grow", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.grow:
        grow(given.grow[0], int(given.grow[1]))
    elif given.memory:
        memory()
    else:
        compare()


def compare():
    torch.manual_seed(0)
    host.keep_freed_memory()  # as the app does; for both sides
    net = NETS["tiny"].net
    from vpc2.codec import to_document

    small = Classifier(build_net(net), Preprocessing(net.input[1], (0.4,) * 3, (0.3,) * 3), tuple("0123456789"), {"net": to_document(net)})
    large = open_classifier("imagenet")
    for name, classifier in (("EfficientNet-Lite0 at 224 px", large), (f"small net at {net.input[1]} px", small)):
        path = onnx_runtime.path_of(classifier)
        if not path.is_file():
            onnx_runtime.write(classifier, path)
        assert onnx_runtime.quicken(classifier), "the export is not equal"
        measure(name, classifier, 1, 9)
        measure(name, classifier, 32, 3 if classifier is large else 9)


if __name__ == "__main__":
    main()
