"""A whole run as one plain PyTorch script: data, split, net, pipeline, loop and seed, with no vpc2 in it. Standard library only."""

from __future__ import annotations

import re
from dataclasses import replace

from vpc2.augment import code as pipelines
from vpc2.augment.mixing import MAPS_AT_ONCE, MIXES
from vpc2.nets import code as nets
from vpc2.predict import backbone_code
from vpc2.training.attack_code import attack_code
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.spec import Recipe

DATA_NAME, SCRIPT_NAME, CURVE_NAME = "pictures.npz", "train.py", "curve.csv"

_HEAD = '''"""{title}

Trains it again, step by step as vpc2 did: the same split, first weights, order of pictures, draws and learning rates. On the
same machine, with as many threads, the curve is the same. Needs {needs}, and {data} beside it.
"""

import csv
import hashlib
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

SEED, EPOCHS, BATCH_SIZE, LEARNING_RATE = {seed}, {epochs}, {batch}, {rate:g}
MEAN, STD = {mean}, {std}


def seed_of(*parts):
    digest = hashlib.sha256("\\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


# --- data: pictures (N, H, W, 3) as bytes, their classes, and units (people, or single pictures) that are never split
data = np.load(Path(__file__).parent / "{data}")
images, labels, units, strata, classes = (data[name] for name in ("images", "labels", "units", "strata", "classes"))


def split(share):
    """20 % to test, 20 % to validate, always the same; of the rest `share` of the whole to train on, chosen by the seed."""
    parts = [], [], []
    for stratum in np.unique(strata):
        own = np.unique(units[strata == stratum])
        np.random.default_rng(0).shuffle(own)
        test = max(1, round(0.2 * len(own))) if len(own) > 1 else 0
        validation = max(1, round(0.2 * len(own))) if len(own) > 2 else 0
        rest = own[test + validation :]
        np.random.default_rng((SEED, int(stratum))).shuffle(rest)
        for part, members in zip(parts, (rest[: max(1, round(share * len(own)))], own[test : test + validation], own[:test])):
            part.append(members)
    return [np.flatnonzero(np.isin(units, np.concatenate(part))) for part in parts]


train, validation, test = split({share})
'''
_THIN = """kept = []  # a long tail of classes: class k of K keeps {factor:g} ** (-k / (K - 1)) of its own
for label in range(len(classes)):
    own = train[labels[train] == label]
    count = max(round(len(own) * {factor} ** (-label / (len(classes) - 1))), min(2, len(own)))
    kept.append(np.random.default_rng((SEED, label)).permutation(own)[:count])
train = np.sort(np.concatenate(kept))
"""
_TENSORS = """pixels, labels, train = torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(train)


def pictures(index):
    return pixels[index].permute(0, 3, 1, 2).float().div(255)


def prepared(images):
{grey}    mean, std = torch.tensor(MEAN).view(1, -1, 1, 1), torch.tensor(STD).view(1, -1, 1, 1)
    return images.sub(mean).div(std).contiguous(memory_format=torch.channels_last)
"""
_GREY = "    images = (images * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)\n"
_AUGMENT = '''

def augment(images, seed):
    """Return a batch with every picture augmented by values of its own."""
    height, width = images.shape[-2:]
    for step_id, smallest_side, augmentation in steps(height, width):
        if min(height, width) >= smallest_side:
            with torch.random.fork_rng(), torch.no_grad():
                torch.manual_seed(seed_of(PIPELINE_SEED, step_id, seed))
                images = torch.nan_to_num(augmentation(images), nan=0.0, posinf=1.0, neginf=0.0).clamp(0.0, 1.0)
    return images

'''
_MIX = '''

def mix(images, labels, seed):
    """Return a batch mixed, and how much of each class is in each picture: what the same mixing makes of maps of ones."""
    targets = nn.functional.one_hot(labels, len(classes)).float()
    if len(images) < {fewest}:
        return images, targets
    whole, images = images, images[..., : images.shape[-2] // {unit} * {unit}, : images.shape[-1] // {unit} * {unit}]
    height, width = images.shape[-2:]
    mixing, owners = {call}, []
    with torch.no_grad():
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            sampled = mixing.forward_parameters(images.shape)
        mixed = mixing(images, params=sampled).clamp(0, 1)
        for few in torch.eye(len(images)).split({maps}, dim=1):
            maps = few[:, :, None, None].expand(*few.shape, height, width).contiguous()
            owners.append(mixing(maps, params=sampled).mean((2, 3)))
    if mixed.shape != whole.shape:
        mixed = nn.functional.interpolate(mixed, whole.shape[-2:], mode="bilinear", align_corners=False)
    targets = torch.cat(owners, 1).clamp(0, 1) @ targets
    return mixed, targets / targets.sum(1, keepdim=True).clamp(min=1e-6)

'''
_COPIES = """
# --- offline: copies made before the training
own = labels[train].tolist()
copies = {copies}
counts = [copies] * len(own)
{balance}picked, made = torch.repeat_interleave(train, torch.tensor(counts)), []
for at in range(0, len(picked), 64):
    copy = augment(pictures(picked[at : at + 64]), seed_of(SEED, PIPELINE_SEED, "copy", at))
    made.append(copy.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1))
train = torch.cat([train, torch.arange(len(pixels), len(pixels) + len(picked))])
pixels, labels = torch.cat([pixels, *made]), torch.cat([labels, labels[picked]])
"""
_BALANCE = """sizes, seen = {label: own.count(label) for label in set(own)}, dict.fromkeys(own, 0)
wanted = max(sizes.values()) * (1 + copies)
for i, label in enumerate(own):  # as many as bring every class to the size of the largest
    missing = wanted - sizes[label]
    counts[i] = missing // sizes[label] + (seen[label] < missing % sizes[label])
    seen[label] += 1
"""
_LOOP = '''net = net.to(memory_format=torch.channels_last)
optimiser = torch.optim.{optimiser}({parameters}, {arguments})
order = torch.Generator().manual_seed(seed_of(SEED, "order"))
batch_size = min(BATCH_SIZE, len(train))
steps_per_epoch = min(math.ceil(len(train) / batch_size), len(train) // 2)
{more}

def rate(step):
{rate}

def score(index):
    """Return loss and accuracy on pictures that are not learned from."""
    net.eval()
    loss, hits = 0.0, 0
    with torch.no_grad():
        for part in torch.from_numpy(index).split(64):
            logits = net(prepared(pictures(part)))
            loss += cross_entropy(logits, labels[part], reduction="sum").item()
            hits += int((logits.argmax(1) == labels[part]).sum())
    return loss / len(index), hits / len(index)


# --- the loop
step, best, best_state, rows, waited = 0, (-1.0, -math.inf), None, [], 0
for epoch in range(1, EPOCHS + 1):
    net.train()
    shuffled = {shuffled}
    for index in shuffled.tensor_split(steps_per_epoch):
        if step == STEPS:
            break
        {batch}
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        logits = net(prepared(batch))
        loss = {loss}
        optimiser.zero_grad()
        loss.backward()
{clip}        optimiser.step()
        step += 1
        accuracy = float((logits.argmax(1) == {shown}).float().mean())
        rows.append({{"step": step, "epoch": epoch, "loss": loss.item(), "accuracy": accuracy, "learning_rate": rate(step - 1)}})
    val_loss, val_accuracy = score(validation)
    print(f"epoch {{epoch}}: validation loss {{val_loss:.4f}}, accuracy {{val_accuracy:.1%}}")
    waited += 1
    if (val_accuracy, -val_loss) > best:
        best, waited = (val_accuracy, -val_loss), 0
        best_state = {{name: value.clone() for name, value in net.state_dict().items()}}
    if step == STEPS{patience}:
        break

net.load_state_dict(best_state)
print("test loss {{:.4f}}, accuracy {{:.1%}}".format(*score(test)))
with open("{curve}", "w", newline="") as file:
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
'''
_WEIGHED = '''

def weighed_loss(logits, truth):
    """Mean cross-entropy in which a picture weighs as the classes it shows; torch would weigh the smoothed part class by class too."""
    shares = weights * (truth if truth.ndim == 2 else nn.functional.one_hot(truth, len(classes)))
    own = shares.sum(1)
    each = cross_entropy(logits, {targets}, label_smoothing={smoothing}, reduction="none")
    return (own * each).sum() / own.sum()

'''
_RATES = {
    "constant": "    return LEARNING_RATE\n",
    "cosine": "    return LEARNING_RATE * (1 + math.cos(math.pi * step / max(STEPS - 1, 1))) / 2\n",
    "step": "    done = step / max(STEPS - 1, 1)\n    return LEARNING_RATE * (1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01)\n",
    "one_cycle": '''    """One cycle: from 1/25 up to the whole over the first 30 %, then down to almost nothing, along cosines."""
    low, end, peak, done = 1 / 25, 1 / 25 / 1e4, (0.3 * STEPS - 1) / max(STEPS - 1, 1), step / max(STEPS - 1, 1)
    if done < peak:
        return LEARNING_RATE * (1 + (low - 1) * (1 + math.cos(math.pi * done / peak)) / 2)
    return LEARNING_RATE * (end + (1 - end) * (1 + math.cos(math.pi * (done - peak) / (1 - peak))) / 2)
''',
}
_RECORDED = '''    """The steps alone do not give this run's rates (its schedule followed the clock): these are the ones it really had."""
    return float(data["rates"][step])
'''


def to_script(recipe: Recipe, mean: tuple[float, ...], std: tuple[float, ...], *, steps: int | None = None) -> str:
    """Return the script of a run of this recipe (its net fitted to the data); `mean` and `std` are its preprocessing's.

    `steps` is how many steps were done where the seconds ended the run: the learning rates are then read from the data file.
    """
    settings, pipeline = recipe.settings, recipe.augmentation
    is_backbone = recipe.net.KIND == "backbone"
    needs = ["torch", *(["kornia"] if pipeline is not None else []), *([backbone_code.needs_of(recipe.net.ready)] if is_backbone else [])]
    head = {"seed": settings["seed"], "epochs": settings["epochs"], "batch": settings["batch_size"], "rate": settings["learning_rate"]}
    title = re.sub(r'["\\]', "", recipe.name) or recipe.dataset
    parts = [
        _HEAD.format(
            title=f"{title}: a run of vpc2 as one script.", needs=", ".join(needs), data=DATA_NAME, share=settings["train_share"],
            mean=tuple(mean), std=tuple(std), **head,
        )
    ]  # fmt: skip
    if settings["imbalance"] > 1:
        parts.append(_THIN.format(factor=settings["imbalance"]))
    parts.append(_TENSORS.format(grey=_GREY if not is_backbone and recipe.net.input[0] == 1 else ""))
    if pipeline is not None:
        parts.append(_pipeline(recipe))
        copies = settings["copies"] if recipe.is_offline else 0
        if copies or settings["balance"] == "augmentation":
            parts.append(_COPIES.format(copies=copies, balance=_BALANCE if settings["balance"] == "augmentation" else ""))
    parts.append('\n# --- net\ntorch.manual_seed(seed_of(SEED, "weights"))\n' + _net(recipe))
    if recipe.is_attacked:
        parts.append(attack_code(recipe))
    parts.append(_loop(recipe, steps))
    return "".join(parts)


def _pipeline(recipe: Recipe) -> str:
    """Return the steps of the pipeline as Augment writes them, and what applies them to a batch."""
    whole = pipelines.to_code(recipe.augmentation)
    body = whole[whole.index("import kornia") : whole.index("def seed_of(")]
    body = body.replace("import torch\n", "").replace("SEED =", "PIPELINE_SEED =")
    mix, mixing = "", recipe.augmentation.mix
    if mixing is not None and recipe.is_online:
        entry, params = MIXES[mixing.way], MIXES[mixing.way].clean(mixing.params)
        if "patch_size" in params:
            params = {**params, "patch_size": min(params["patch_size"], recipe.settings["size_px"])}
        call = pipelines.mixing_call(replace(recipe.augmentation, mix=replace(mixing, params=params)))
        mix = _MIX.format(fewest=entry.fewest, unit=params.get("grid", 1), call=call, maps=MAPS_AT_ONCE)
    return f"\n\n# --- pipeline\n{body.rstrip()}\n{_AUGMENT}{mix}"


def _net(recipe: Recipe) -> str:
    if recipe.net.KIND == "backbone":
        imports, lines = backbone_code.to_net(recipe.net, "len(classes)", is_trained=False)
        return f"\n{imports}\n\n\n{lines}"
    whole = nets.to_code(recipe.net)
    return whole[whole.index("from torch import nn\n") + len("from torch import nn\n") : whole.index("\nimages = torch.zeros")].lstrip("\n")


def _loop(recipe: Recipe, steps: int | None) -> str:
    settings = recipe.settings
    arguments = OPTIMISERS[settings["optimiser"]].arguments(settings)
    shares = "torch.tensor([len(train) / (len(classes) * max(int((labels[train] == k).sum()), 1)) for k in range(len(classes))])"
    more = [f"STEPS = {steps if steps is not None else 'steps_per_epoch * EPOCHS'}"]
    loss, smoothing = "cross_entropy(logits, truth)", settings["label_smoothing"]
    if smoothing:
        loss = f"cross_entropy(logits, truth, label_smoothing={smoothing})"
    if settings["balance"] == "weights":
        more.append(f"weights = {shares}  # rare classes weigh more")
        is_mixed = recipe.is_online and recipe.augmentation.mix is not None
        loss = "weighed_loss(logits, truth)" if smoothing or is_mixed else "cross_entropy(logits, truth, weight=weights)"
        if smoothing or is_mixed:
            more.append(_WEIGHED.format(targets="shares / own.clamp(min=1e-6)[:, None]" if is_mixed else "truth", smoothing=smoothing))
    if settings["balance"] == "sampling":
        more.append(f"chances = {shares}[labels[train]]  # rare classes are drawn more often")
    is_drawn = settings["balance"] == "sampling"
    clip = f"        nn.utils.clip_grad_norm_(net.parameters(), {settings['clip_norm']})\n" if settings["clip_norm"] else ""
    batch, shown = "batch, truth = pictures(index), labels[index]", "truth"
    if recipe.is_online:
        batch = "seed = seed_of(SEED, PIPELINE_SEED, step)\n        batch, truth = augment(pictures(index), seed), labels[index]"
        if recipe.augmentation.mix is not None:
            batch += "\n        batch, truth = mix(batch, truth, seed)"
            shown = "truth if truth.ndim == 1 else truth.argmax(1)"
            shown = f"({shown})"
    if recipe.is_attacked:
        batch += "\n        batch = attack(batch, truth, step)"
    return _LOOP.format(
        optimiser=OPTIMISERS[settings["optimiser"]].target.rpartition(".")[2],
        parameters="net.head.parameters()" if recipe.net.KIND == "backbone" and recipe.net.is_frozen else "net.parameters()",
        arguments=", ".join(f"{name}={value}" for name, value in arguments.items()),
        more="\n".join(more) + "\n",
        rate=_RECORDED if steps is not None else _RATES[settings["schedule"]],
        shuffled="train[torch.multinomial(chances, len(train), replacement=True, generator=order)]"
        if is_drawn
        else "train[torch.randperm(len(train), generator=order)]",
        batch=batch,
        shown=shown,
        loss=loss,
        clip=clip,
        patience=f" or waited >= {settings['patience']}" if settings["patience"] else "",
        curve=CURVE_NAME,
    )
