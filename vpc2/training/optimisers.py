"""The catalog of optimisers: one literal each. Imports the standard library only; torch's class is resolved when used."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from vpc2.catalog import Catalog, Entry
from vpc2.text import Text


@dataclass(frozen=True, kw_only=True)
class Optimiser(Entry):
    """A rule that turns gradients into steps. `settings` maps torch's argument names to settings of the recipe."""

    settings: tuple[tuple[str, str], ...] = (("lr", "learning_rate"), ("weight_decay", "weight_decay"))

    def takes(self, setting: str) -> bool:
        """True where a setting of the recipe says something to this optimiser."""
        return any(setting == key for _name, key in self.settings)

    def arguments(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return torch's arguments from a recipe's settings.

        Fused if the optimiser supports it: all parameters are updated in one kernel, which takes a third of the time.
        """
        arguments = {name: settings[key] for name, key in self.settings}
        return {**arguments, "fused": True} if "fused" in inspect.signature(self.resolve()).parameters else arguments

    def build(self, parameters: Iterable, settings: dict[str, Any]) -> Any:
        """Return torch's optimiser for these parameters."""
        build: Callable = self.resolve()
        return build(parameters, **self.arguments(settings))


OPTIMISERS: Catalog[Optimiser] = Catalog(
    Text("optimiser"),
    Optimiser(
        key="sgd",
        title=Text("SGD with momentum"),
        help=Text("A step against the gradient, with the memory of the last ones."),
        target="torch.optim.SGD",
        settings=(("lr", "learning_rate"), ("momentum", "momentum"), ("weight_decay", "weight_decay")),
    ),
    Optimiser(
        key="adam",
        title=Text("Adam"),
        help=Text("Every weight has a step length of its own."),
        target="torch.optim.Adam",
    ),
    Optimiser(
        key="adamw",
        title=Text("AdamW"),
        help=Text("Adam, with the weight decay apart from the gradient."),
        target="torch.optim.AdamW",
    ),
    Optimiser(
        key="rmsprop",
        title=Text("RMSprop"),
        help=Text("Each gradient is divided by the root of the mean of its last squares (Hinton, 2012)."),
        target="torch.optim.RMSprop",
    ),
)
