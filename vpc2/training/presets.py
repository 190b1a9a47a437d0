"""The catalogs of ready recipes and experiments. Tables and specs only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vpc2.augment.presets import PIPELINES
from vpc2.augment.spec import Pipeline
from vpc2.catalog import Catalog, Entry
from vpc2.nets.presets import NETS
from vpc2.text import Text
from vpc2.training.settings import SETTINGS
from vpc2.training.spec import Experiment, Recipe, without


@dataclass(frozen=True, kw_only=True)
class RecipePreset(Entry):
    """A recipe that is known to work, with a description of what it shows."""

    recipe: Recipe


def _recipe(dataset: str, net: str, name: str, pipeline: Pipeline | None = None, **settings: Any) -> Recipe:
    return Recipe(dataset, NETS[net].net, pipeline, SETTINGS.clean(settings), name)


# On two idle cores the epochs end these runs, so the same recipe gives the same curve; the time budget limits slower machines.
# Few people and small images: three runs of each side take less than three minutes, and the effect of augmentation exceeds
# the variation between seeds and between test people (tests/benchmarks/hands.py: 90 % without, 95.6 % with, interval 2 to 9 points).
_HANDS: dict[str, Any] = {"size_px": 32, "train_share": 0.1, "epochs": 40, "budget_s": 25.0, "learning_rate": 0.01, "batch_size": 32}

RECIPES: Catalog[RecipePreset] = Catalog(
    Text("recipe"),
    RecipePreset(
        key="digits",
        title=Text("Handwritten digits"),
        help=Text("The quickest start: 1,797 small pictures inside the package, learned in a few seconds."),
        recipe=_recipe("digits", "tiny", "digits", size_px=16, epochs=12, budget_s=20.0, learning_rate=0.01, batch_size=64),
    ),
    RecipePreset(
        key="digits-dense",
        title=Text("Digits, dense layers only"),
        help=Text("No convolution: as good on digits in the middle, lost when they move. Compare on Judge: Robustness, Shift."),
        recipe=_recipe("digits", "mlp", "digits-dense", size_px=16, epochs=12, budget_s=20.0, learning_rate=0.01, batch_size=64),
    ),
    RecipePreset(
        key="digits-attacked",
        title=Text("Digits, with adversarial training"),
        help=Text("Half of every batch is attacked before it is learned: compare the two nets on Judge, under Attacks."),
        recipe=_recipe(
            "digits",
            "tiny",
            "digits-attacked",
            size_px=16,
            epochs=12,
            budget_s=40.0,
            learning_rate=0.01,
            batch_size=64,
            adversary="pgd",
            adversary_epsilon=0.1,
        ),
    ),
    RecipePreset(
        key="shapes",
        title=Text("Drawn shapes"),
        help=Text("Pictures drawn by vpc2 itself: colour, size, place and clutter vary, the shape decides."),
        recipe=_recipe("shapes", "small", "shapes", size_px=32, epochs=60, budget_s=25.0, learning_rate=0.03, batch_size=32),
    ),
    RecipePreset(
        key="hands",
        title=Text("Hands, without augmentation"),
        help=Text("Photographs of hands signing 0 to 9: sixteen people to learn from, tested on people never seen."),
        recipe=_recipe("hands", "hands48", "hands", **_HANDS),
    ),
    RecipePreset(
        key="hands-augmented",
        title=Text("Hands, with augmentation"),
        help=Text("The same sixteen people, seen a little turned, shifted, scaled and lit differently in every epoch."),
        recipe=_recipe("hands", "hands48", "hands-augmented", PIPELINES["gentle"].pipeline, **_HANDS),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ExperimentPreset(Entry):
    """An experiment that answers a question of the lecture; `names` are the names of its two sides."""

    experiment: Experiment
    names: tuple[Text, Text]


def _against(preset: str, *, left_settings: dict[str, Any] | None = None, **settings: Any) -> Experiment:
    """Return an experiment with a preset as right side; the left side has no augmentation, or `left_settings`.

    `settings` change both sides.
    """
    recipe = RECIPES[preset].recipe
    right = replace(recipe, settings={**recipe.settings, **settings})
    left = without(right) if left_settings is None else replace(right, settings={**right.settings, **left_settings})
    return Experiment(left, right)


EXPERIMENTS: Catalog[ExperimentPreset] = Catalog(
    Text("experiment"),
    ExperimentPreset(
        key="hands",
        title=Text("Hands: the effect of augmentation"),
        help=Text("Sixteen people to learn from, tested on people never seen: the exercise of the lecture."),
        experiment=_against("hands-augmented"),
        names=(Text("without"), Text("with")),
    ),
    ExperimentPreset(
        key="hands-offline",
        title=Text("Hands: online against offline"),
        help=Text("The same pipeline, anew for every batch or as three copies made before."),
        experiment=_against("hands-augmented", left_settings={"augment": "offline"}),
        names=(Text("offline"), Text("online")),
    ),
    ExperimentPreset(
        key="hands-balance",
        title=Text("Hands: uneven classes, balanced by augmentation"),
        help=Text("Ten times fewer pictures of the last class than of the first; augmented copies make up for it, or not."),
        experiment=_against(
            "hands-augmented",
            left_settings={"balance": "none"},
            imbalance=10.0,
            balance="augmentation",
            train_share=0.6,
            epochs=12,
        ),
        names=(Text("uneven"), Text("balanced")),
    ),
)
