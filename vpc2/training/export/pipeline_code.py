"""Code of the augmentation pipeline for the script of a run, with the same random draws. Imports the standard library only."""

from __future__ import annotations

from dataclasses import replace

from vpc2.augment.export.kornia_code import call_arguments
from vpc2.augment.mixes import MIXES
from vpc2.augment.mixing import MAPS_AT_ONCE
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Mixing
from vpc2.sources import PROJECT, Carrier
from vpc2.training.spec import Recipe

_STEPS = '''

# --- pipeline
PIPELINE_SEED = {seed}


def steps(height, width):
    """Return for images of this size each step's id, its minimum side, whether it samples per image, and its augmentation."""
    return [
{steps}    ]


def augment(images, seed):
    """Return a batch (B, 3, H, W) augmented: each step samples parameters for every image from its seed, then applies them."""
    height, width = images.shape[-2:]
    for step_id, min_side, is_policy, augmentation in steps(height, width):
        if min(height, width) < min_side:
            continue
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed_of(PIPELINE_SEED, step_id, seed))
            if is_policy:
                params = [augmentation.forward_parameters(torch.Size((1, *images.shape[1:]))) for _ in images]
            else:
                params = augmentation.forward_parameters(images.shape)
        with torch.no_grad():
            if is_policy:
                images = torch.cat([augmentation(image[None], params=own_params) for image, own_params in zip(images, params)])
            else:
                images = augmentation(images, params=params)
            images = images.clamp(0.0, 1.0).nan_to_num_(nan=0.0)
    return images

'''
_MIX = '''

def mix(images, labels, seed):
    """Return a batch (B, 3, H, W) mixed and its soft labels (B, K): shares of pixels, measured by mixing a map of ones per image."""
    targets = nn.functional.one_hot(labels, len(classes)).float()
    if len(images) < {min_images}:
        return images, targets
    original, images = images, images[..., : images.shape[-2] // {unit} * {unit}, : images.shape[-1] // {unit} * {unit}]
    height, width = images.shape[-2:]
    mixing, pixel_shares = {call}, []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        params = mixing.forward_parameters(images.shape)
    with torch.no_grad():
        mixed = mixing(images, params=params)
        for columns in torch.eye(len(images)).split({maps}, dim=1):
            maps = columns[:, :, None, None].expand(*columns.shape, height, width).contiguous()
            pixel_shares.append(mixing(maps, params=params).mean((2, 3)))
    mixed = mixed.clamp(0, 1)
    if mixed.shape != original.shape:
        mixed = nn.functional.interpolate(mixed, original.shape[-2:], mode="bilinear", align_corners=False)
    targets = torch.cat(pixel_shares, 1).clamp(0, 1) @ targets
    return mixed, targets / targets.sum(1, keepdim=True).clamp(min=1e-6)

'''
_COPIES = """
# --- offline augmentation: augmented copies, made before the training
train_labels = labels[train].tolist()
copies_per_image = {copies}
copy_counts = [copies_per_image] * len(train_labels)
{balance}source_index, copies = torch.repeat_interleave(train, torch.tensor(copy_counts)), []
for start in range(0, len(source_index), 64):
    batch = augment(load_images(source_index[start : start + 64]), seed_of(SEED, PIPELINE_SEED, "copy", start))
    copies.append(batch.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous())
train = torch.cat([train, torch.arange(len(images), len(images) + len(source_index))])
images, labels = torch.cat([images, *copies]), torch.cat([labels, labels[source_index]])
"""
_BALANCE = """class_counts = {label: train_labels.count(label) for label in set(train_labels)}
positions = dict.fromkeys(train_labels, 0)
target_count = max(class_counts.values()) * (1 + copies_per_image)
for i, label in enumerate(train_labels):  # every class gets as many copies as bring it to the size of the largest
    missing = target_count - class_counts[label]
    copy_counts[i] = missing // class_counts[label] + (positions[label] < missing % class_counts[label])
    positions[label] += 1
"""


def pipeline_code(recipe: Recipe, carrier: Carrier, *, is_quick: bool) -> str:
    """Return the code of `augment` and `mix`, as far as the recipe needs them, and of the copies made before the training.

    It uses the script's `seed_of`, `load_images` and variables of the training data. With `is_quick`, operations are the app's fast CPU
    implementations; `carrier` includes their source, as that of everything that is not from Kornia.
    """
    settings, pipeline = recipe.settings, recipe.augmentation
    assert pipeline is not None
    lines: list[str] = []
    for step in pipeline.steps:
        if step.on:
            entry = OPS[step.op]
            name = _name(entry.quick if is_quick and entry.quick else entry.target, carrier)
            call = f"{name}({call_arguments(entry, step.params)})"
            lines.append(f'        ("{step.seed_name}", {entry.needs_side_px(step.params)}, {entry.is_policy}, {call}),\n')
    carrier.imports["import kornia.augmentation as K"] = None
    parts = [_STEPS.format(seed=pipeline.seed, steps="".join(lines))]
    if pipeline.mix is not None and recipe.is_online:
        parts.append(_mix(recipe, pipeline.mix, carrier))
    copies, is_balanced = settings["copies"] if recipe.is_offline else 0, settings["balance"] == "augmentation"
    if copies or is_balanced:
        parts.append(_COPIES.format(copies=copies, balance=_BALANCE if is_balanced else ""))
    return "".join(parts)


def _name(target: str, carrier: Carrier) -> str:
    """Return the name of a class in the script: a class of this project is included as source, others are Kornia's."""
    if target.partition(".")[0] == PROJECT:
        return carrier.add(target)
    return target.replace("kornia.augmentation", "K")


def _mix(recipe: Recipe, mixing: Mixing, carrier: Carrier) -> str:
    entry = MIXES[mixing.kind]
    params = entry.clean(mixing.params)
    if "patch_size" in params:
        params = {**params, "patch_size": min(params["patch_size"], recipe.settings["size_px"])}
    size_argument = "output_size=(height, width)" if entry.is_sized else ""
    arguments = call_arguments(replace(entry, is_sized=False), params)
    call = f"{_name(entry.target, carrier)}({', '.join(filter(None, [size_argument, arguments]))}, data_keys=['input'])"
    return _MIX.format(min_images=entry.fewest, unit=params.get("grid", 1), call=call, maps=MAPS_AT_ONCE)
