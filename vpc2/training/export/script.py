"""Export of a run as one plain PyTorch script (data, split, net, pipeline, loop, seed) that does not import vpc2.

This module imports the standard library only. Functions that determine the numbers (schedule, attack, custom operations) are included
as the app's own source text; the rest is generated here. Tests compare curve and weights of the script with those of the run, bit for
bit.
"""

from __future__ import annotations

import re

from vpc2.nets.export import pytorch_code as nets
from vpc2.nets.spec import Net
from vpc2.predict.pretrained import backbone_code
from vpc2.predict.spec import Backbone
from vpc2.sources import Carrier, import_block
from vpc2.training.export.attack_code import attack_code
from vpc2.training.export.loop_code import CURVE_NAME, loop_code
from vpc2.training.export.pipeline_code import pipeline_code
from vpc2.training.spec import Recipe
from vpc2.version import MADE_WITH

DATA_NAME, SCRIPT_NAME, START_WEIGHTS = "pictures.npz", "train.py", "start.safetensors"
__all__ = ["CURVE_NAME", "DATA_NAME", "SCRIPT_NAME", "START_WEIGHTS", "to_script"]

_IMPORTS = ("csv", "math", "sys", "numpy as np", "torch")
_FROM = ("pathlib import Path", "torch import nn", "torch.nn.functional import cross_entropy")
_HEAD = '''"""{title}

Repeats its training step by step: the same split, initial weights, order of images, augmentation and learning rates.
{promise}
Needs {needs}, and {files} beside it.
"""

{imports}

SEED, EPOCHS, BATCH_SIZE, LEARNING_RATE = {seed}, {epochs}, {batch}, {rate!r}
MEAN, STD = {mean}, {std}
HERE = Path(__file__).parent
{threads}
for name in {listed}:
    if not (HERE / name).is_file():
        sys.exit(f"{{name}} is missing: put it beside this script, it is in the ZIP that the script came in.")


{definitions}


# --- data: images (N, H, W, 3) uint8, labels, and groups of images (of one person, or single images) that are never split
data = np.load(HERE / "{data}")
images, labels, groups, strata, classes = (data[name] for name in ("images", "labels", "units", "strata", "classes"))


def split(train_share):
    """Return the indices of the training, validation and test images.

    20 % are for testing and 20 % for validation, always the same; of the rest, `train_share` of all is for training, chosen by the seed.
    """
    subsets = [], [], []
    for stratum in np.unique(strata):
        members = np.unique(groups[strata == stratum])
        np.random.default_rng(0).shuffle(members)
        test = max(1, round(0.2 * len(members))) if len(members) > 1 else 0
        validation = max(1, round(0.2 * len(members))) if len(members) > 2 else 0
        rest = members[test + validation :]
        np.random.default_rng((SEED, int(stratum))).shuffle(rest)
        train = rest[: max(1, round(train_share * len(members)))]
        for subset, chosen in zip(subsets, (train, members[test : test + validation], members[:test])):
            subset.append(chosen)
    return [np.flatnonzero(np.isin(groups, np.concatenate(subset))) for subset in subsets]


train, validation, test = split({share})
'''
_IMBALANCE = """subsets = []  # a long-tailed distribution: class k of K keeps {factor:g} ** (-k / (K - 1)) of its training images
for label in range(len(classes)):
    class_indices = train[labels[train] == label]
    count = max(round(len(class_indices) * {factor} ** (-label / (len(classes) - 1))), min(2, len(class_indices)))
    subsets.append(np.random.default_rng((SEED, label)).permutation(class_indices)[:count])
train = np.sort(np.concatenate(subsets))
"""
_TENSORS = '''images, labels, train = torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(train)
torch.manual_seed(seed_of(SEED, "weights"))


def load_images(index):
    """Return images (B, 3, H, W) in [0, 1]."""
    return images[index].permute(0, 3, 1, 2).float().div(255)


def preprocess(images):
    """Return the input of the net{how}."""
{grey}    mean, std = torch.tensor(MEAN).view(1, -1, 1, 1), torch.tensor(STD).view(1, -1, 1, 1)
    return images.sub(mean).div(std).contiguous(memory_format=torch.channels_last)
'''
_GREY = "    images = (images * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)\n"
_LAYOUT = "net = net.to(memory_format=torch.channels_last)\n"
_START = """weights = load_file(HERE / "{start}")  # initial weights, numbered in the order of the state dict
net.load_state_dict({{name: weights[str(i)] for i, name in enumerate(net.state_dict())}})
"""
_PREDICT = '''

def predict_logits(images):
    """Return the logits (B, K) of images (B, 3, H, W) in [0, 1]{how}."""
{body}

'''
_PLAIN = "    return net(preprocess(images))"
_MIXED = """    with torch.autocast("cpu", dtype=torch.bfloat16):
        return net(preprocess(images)).float()"""
_FEATURES = """
# --- features: computed once, because the trunk is frozen
features = torch.zeros(len(images), net.head[-1].in_features)
net.eval()
with torch.no_grad():
    for index in torch.from_numpy(np.unique(np.concatenate((train.numpy(), validation, test)))).split(64):
{body}

"""
_PLAIN_FEATURES = "        features[index] = net.trunk(preprocess(load_images(index)))"
_MIXED_FEATURES = """        with torch.autocast("cpu", dtype=torch.bfloat16):
            features[index] = net.trunk(preprocess(load_images(index))).float()"""

_SAME = (
    "On the machine that trained it, with the same versions of the packages, the curve is the same bit for bit; elsewhere sums may be\n"
    "rounded differently."
)
_ALIKE = (
    "The run was trained on {device}; this script computes on the CPU, where sums are rounded differently: its curve is similar to the "
    "run's,\nand not the same."
)


def to_script(
    recipe: Recipe,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    *,
    steps: int | None = None,
    last: int | None = None,
    is_scored: bool = False,
    is_stopped: bool = False,
    precision: str = "",
    threads: int | None = None,
    device: str = "cpu",
    has_start: bool = False,
) -> str:
    """Return the script of a run of this recipe (with its net fitted to the data); `mean` and `std` per channel normalise the images.

    `steps` is the number of steps if the time budget ended the run: the learning rates are then read from the data file. `last`,
    `is_scored` and `is_stopped` describe a run that ended early (see `loop_code`). `precision` ("float32" or "bf16"), `threads` and
    `device` are those of the run; with `has_start`, the initial weights are read from a file beside the script.
    """
    settings, carrier, is_exact = recipe.settings, Carrier(), is_same_curve(device)
    net, is_mixed = recipe.net, (precision or settings["precision"]) == "bf16"
    knows_features = isinstance(net, Backbone) and net.is_frozen and not recipe.is_online and not recipe.is_attacked
    carrier.add("vpc2.rng.seed_of")
    for line in (*(f"import {name}" for name in _IMPORTS), *(f"from {name}" for name in _FROM)):
        carrier.imports[line] = None
    parts = []
    if settings["imbalance"] > 1:
        parts.append(_IMBALANCE.format(factor=settings["imbalance"]))
    is_grey = isinstance(net, Net) and net.input[0] == 1
    parts.append(_TENSORS.format(grey=_GREY if is_grey else "", how=": greyscale and normalised" if is_grey else ": normalised"))
    if recipe.augmentation is not None:
        parts.append(pipeline_code(recipe, carrier, is_quick=is_exact))
    parts += ["\n# --- net\n", _net(recipe, carrier), _LAYOUT]
    if has_start:
        carrier.imports["from safetensors.torch import load_file"] = None
        parts.append(_START.format(start=START_WEIGHTS))
    if knows_features:
        parts.append(_FEATURES.format(body=_MIXED_FEATURES if is_mixed else _PLAIN_FEATURES))
    else:
        parts.append(_PREDICT.format(how=", in mixed precision" if is_mixed else "", body=_MIXED if is_mixed else _PLAIN))
    if recipe.is_attacked:
        parts.append(attack_code(recipe, carrier))
    parts.append(
        loop_code(recipe, carrier, steps=steps, last=last, is_scored=is_scored, is_stopped=is_stopped, knows_features=knows_features)
    )
    promise = _SAME if is_exact else _ALIKE.format(device=device)
    code = _head(recipe, mean, std, carrier, promise, threads, has_start) + "".join(parts)
    return re.sub(r"\n{4,}", "\n\n\n", code)


def is_same_curve(device: str) -> bool:
    """True if the script reproduces the curve of a run trained on this device bit for bit: only for the CPU, on which the script runs."""
    return device.partition(":")[0] == "cpu"


def _head(
    recipe: Recipe,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    carrier: Carrier,
    promise: str,
    threads: int | None,
    has_start: bool,
) -> str:
    settings, files = recipe.settings, [DATA_NAME, *([START_WEIGHTS] if has_start else [])]
    needs = ["torch", "numpy", *(["kornia"] if recipe.augmentation is not None else []), *(["safetensors"] if has_start else [])]
    needs += [backbone_code.needs_of(recipe.net.ready)] if isinstance(recipe.net, Backbone) else []
    title = re.sub(r'["\\]', "", recipe.name) or recipe.dataset
    return MADE_WITH + _HEAD.format(
        title=f"{title}: a run of vpc2 as one script.",
        promise=promise,
        needs=", ".join(needs),
        files=" and ".join(files),
        imports=import_block(list(carrier.imports)),
        seed=settings["seed"],
        epochs=settings["epochs"],
        batch=settings["batch_size"],
        rate=settings["learning_rate"],
        mean=tuple(mean),
        std=tuple(std),
        threads=f"torch.set_num_threads({threads})  # as in the run: the rounding of sums depends on it\n" if threads else "",
        listed="(" + ", ".join(f'"{name}"' for name in files) + ",)",
        definitions="\n\n\n".join(carrier.definitions),
        data=DATA_NAME,
        share=settings["train_share"],
    )


def _net(recipe: Recipe, carrier: Carrier) -> str:
    """Return the code that builds `net`, with initial weights drawn in the same order as in the app."""
    if isinstance(recipe.net, Backbone):
        imports, lines = backbone_code.to_net(recipe.net, "len(classes)", is_trained=False)
        carrier.imports.update(dict.fromkeys(imports.splitlines()))
        return f"\n\n{lines}"
    code = nets.to_code(recipe.net)
    return code[code.index("from torch import nn\n") + len("from torch import nn\n") : code.index("\nimages = torch.zeros")].lstrip("\n")
