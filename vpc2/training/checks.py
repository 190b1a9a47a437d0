"""Checks of a recipe before training: why it cannot be trained, and repairs. Arithmetic only: no net is built, no data loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vpc2.data.datasets import find_dataset
from vpc2.knobs import Number, Whole
from vpc2.nets.spec import Net
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.summary.trainable import check_trainable
from vpc2.predict.spec import Backbone
from vpc2.system.host import LIMITS, MB
from vpc2.text import Text
from vpc2.training.picture_size import BACKBONE_PX, made_for_px
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Recipe

if TYPE_CHECKING:  # numpy is not needed to check a recipe
    from vpc2.data.imageset import ImageSet, Split

MIN_SIDE_PX = 32  # smallest side for a backbone, which halves the resolution five times

_SMALLER_BATCH = Text("Use batches of {batch}")
_TOO_MUCH = Text(
    "A batch of {batch} pictures would need about {needed:,.0f} MB for its activations; at most {limit:,.0f} MB are allowed here. "
    "Use smaller batches, smaller pictures or fewer channels."
)
_OTHER_INPUT = Text("The input of the net was set to {new}: the pictures of this recipe are {side} x {side} (the net was made for {old}).")
_OTHER_CLASSES = Text("The last dense layer now has {classes} outputs instead of {old}: the data has {classes} classes.")
_NEW_HEAD = Text("A dense layer with {classes} outputs was added at the end: the net did not end in one number a class.")

_SAMPLE = Text("Draw rare classes more often instead")
_NOTHING_TO_COPY = Text("Balancing by augmented copies needs an augmentation: choose one, or balance in another way.")
_LARGER = Text("Use pictures of {side} px")
_SMALL = Text("{name} sees nothing in pictures of {side} px: it needs at least {least} px.")
_FREEZE = Text("Keep its weights as they are")
_HEAVY = Text(
    "{name} has {params:,} parameters; at most {most:,} can be fine-tuned here. With its weights as they are, it serves all the same."
)
_WHOLE_SHARE = Text("Train on {share:.0%} of the pictures")
_BATCH_OVER = Text("A batch of {batch:,} is more than the {count:,} training pictures: each epoch would be one single step.")

_ONE_CLASS = Text("Training needs pictures of at least two classes; the training part has: {counts}.")
_EMPTY_CLASSES = Text("No training picture is left for {names}: add pictures of it, raise the share to train on, or leave that class out.")
_TOO_FEW = Text("Training needs at least two pictures; there is {count}.")


@dataclass(frozen=True)
class RecipeRepair:
    """A repair offered as a button: `apply` takes the recipe and returns the repaired one."""

    title: Text
    apply: Callable[[Recipe], Recipe]


@dataclass(frozen=True)
class RecipeProblem:
    """Why a recipe cannot be trained, or (if not `is_fatal`) what will be changed, with possible repairs."""

    text: Text
    repairs: tuple[RecipeRepair, ...] = ()
    is_fatal: bool = True


def fit_to_data(recipe: Recipe, classes: int | None = None) -> tuple[Recipe, tuple[Text, ...]]:
    """Return the recipe with its net's input and output fitted to the data, and notes on what was changed.

    The input becomes square with the recipe's `size_px`; grey nets stay grey (images are converted for them). The last Linear layer
    gets one output per class; a net that ends otherwise gets the head that the Build page would offer. `classes` is needed only for
    data that is not in the table of data sets.
    """
    net, notes = recipe.net, []
    if isinstance(net, Backbone):
        return recipe, ()
    classes = classes or len(find_dataset(recipe.dataset).classes)
    side = recipe.settings["size_px"]
    shape = (net.input[0], side, side)
    if net.input != shape:
        notes.append(_OTHER_INPUT.fill(new=_shown(shape), old=_shown(net.input), side=side))
        net = replace(net, input=shape)
    output = summarise(net).output
    if output is not None and tuple(output) != (classes,):
        net, note = _with_outputs(net, classes)
        notes.append(note)
    return replace(recipe, net=net), tuple(notes)


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _with_outputs(net: Net, classes: int) -> tuple[Net, Text]:
    """Return the net after the first repair that the Build page would offer, and a note on what it changed."""
    problem = check_trainable(net, classes, 1)
    assert problem is not None  # its outputs are not the classes
    fitted = problem.repairs[0].apply(net)
    if len(fitted.layers) > len(net.layers):
        return fitted, _NEW_HEAD.fill(classes=classes)
    old = next(a.params["out_features"] for a, b in zip(net.layers, fitted.layers, strict=True) if a != b)
    return fitted, _OTHER_CLASSES.fill(classes=classes, old=old)


def check_recipe(recipe: Recipe, classes: int | None = None) -> RecipeProblem | None:
    """Return why a recipe cannot be trained, or None; checks the net (fitted to the data) and the memory of one batch.

    `data.datasets.is_ready` checks whether the data is on disk; the settings' knobs have already validated the settings.
    """
    if recipe.settings["balance"] == "augmentation" and recipe.augmentation is None:
        other = RecipeRepair(_SAMPLE, lambda recipe: _with(recipe, balance="sampling"))
        return RecipeProblem(_NOTHING_TO_COPY, (other,))
    if isinstance(recipe.net, Backbone):
        return _check_backbone(recipe, recipe.net)
    classes = classes or len(find_dataset(recipe.dataset).classes)
    net = fit_to_data(recipe, classes)[0].net
    assert not isinstance(net, Backbone)
    problem = check_trainable(net, classes, 1)
    if problem is not None:
        repairs = tuple(RecipeRepair(repair.title, _on_net(repair.apply)) for repair in problem.repairs)
        return RecipeProblem(problem.text, (*_repair_size(recipe, classes), *repairs))
    return _check_memory(recipe, summarise(net).activation_bytes)


def _repair_size(recipe: Recipe, classes: int) -> tuple[RecipeRepair, ...]:
    """Return the repair that gives the net pictures of the side it was made for, where it fits together with these."""
    side = made_for_px(recipe.net)
    net = fit_to_data(_with(recipe, size_px=side), classes)[0].net
    assert not isinstance(net, Backbone)
    if side == recipe.settings["size_px"] or summarise(net).problem is not None:
        return ()
    return (RecipeRepair(_LARGER.fill(side=side), lambda recipe: _with(recipe, size_px=side)),)


def _check_backbone(recipe: Recipe, backbone: Backbone) -> RecipeProblem | None:
    entry, side = backbone.entry, recipe.settings["size_px"]
    if side < MIN_SIDE_PX:
        larger = RecipeRepair(_LARGER.fill(side=BACKBONE_PX), lambda recipe: _with(recipe, size_px=BACKBONE_PX))
        return RecipeProblem(_SMALL.fill(name=backbone.name, side=side, least=MIN_SIDE_PX), (larger,))
    if backbone.is_frozen:
        return None
    freeze = RecipeRepair(_FREEZE, lambda recipe: replace(recipe, net=replace(backbone, is_frozen=True)))
    if entry.trunk_params > LIMITS.trainable_params:
        return RecipeProblem(_HEAVY.fill(name=backbone.name, params=entry.trunk_params, most=LIMITS.trainable_params), (freeze,))
    problem = _check_memory(recipe, entry.activation_bytes_px * side * side)
    return problem if problem is None else replace(problem, repairs=(*problem.repairs, freeze))


def _check_memory(recipe: Recipe, bytes_each: int) -> RecipeProblem | None:
    """Return a problem if the activations of a batch, with `bytes_each` per image, exceed the limit of this machine."""
    batch, limit = recipe.settings["batch_size"], LIMITS.activation_bytes
    needed = bytes_each * batch
    if needed <= limit:
        return None
    smaller = max(batch * limit // needed, 1)
    smaller = 1 << (int(smaller).bit_length() - 1)
    text = _TOO_MUCH.fill(batch=batch, needed=needed / MB, limit=limit / MB)
    batch_size = SETTINGS.knob("batch_size")
    assert isinstance(batch_size, Whole)
    if smaller < batch_size.low:
        return RecipeProblem(text)
    return RecipeProblem(text, (RecipeRepair(_SMALLER_BATCH.fill(batch=smaller), lambda other: _with(other, batch_size=smaller)),))


def _on_net(change: Callable[[Net], Net]) -> Callable[[Recipe], Recipe]:
    def changed(recipe: Recipe) -> Recipe:
        assert isinstance(recipe.net, Net)
        return replace(recipe, net=change(recipe.net))

    return changed


def _with(recipe: Recipe, **changes: object) -> Recipe:
    return replace(recipe, settings={**recipe.settings, **changes})


def check_data(recipe: Recipe, data: ImageSet, split: Split) -> RecipeProblem | None:
    """Return why the loaded data cannot be used (too few images, one class, an empty class), or what will be changed, or None."""
    counts = [int((data.labels[split.train] == label).sum()) for label in range(len(data.classes))]
    knob = SETTINGS.knob("train_share")
    assert isinstance(knob, Number)
    max_share = knob.high
    whole = RecipeRepair(_WHOLE_SHARE.fill(share=max_share), lambda recipe: _with(recipe, train_share=max_share))
    repairs = (whole,) if recipe.settings["train_share"] < max_share else ()
    if len(split.train) < 2:
        return RecipeProblem(_TOO_FEW.fill(count=len(split.train)), repairs)
    if sum(count > 0 for count in counts) < 2:
        listed = ", ".join(f"{name} {count}" for name, count in zip(data.classes, counts, strict=True))[:400]
        return RecipeProblem(_ONE_CLASS.fill(counts=listed), repairs)
    empty = [name for name, count in zip(data.classes, counts, strict=True) if count == 0]
    if empty:
        return RecipeProblem(_EMPTY_CLASSES.fill(names=", ".join(f"“{name}”" for name in empty)[:200]), repairs)
    batch, count = recipe.settings["batch_size"], len(split.train)
    if batch > count and not recipe.is_offline:
        fewer = 1 << (max(count // 4, 2).bit_length() - 1)
        repair = RecipeRepair(_SMALLER_BATCH.fill(batch=fewer), lambda recipe: _with(recipe, batch_size=fewer))
        return RecipeProblem(_BATCH_OVER.fill(batch=batch, count=count), (repair,), is_fatal=False)
    return None
