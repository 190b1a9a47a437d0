"""The table of adversarial attacks: one literal each. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from vpc2.catalog import Catalog, Entry
from vpc2.text import Text

STEP_SHARE = 2.5  # step size times steps / epsilon: the steps can reach the border of the ball and move along it (Madry and others, 2017)


@dataclass(frozen=True, kw_only=True)
class Attack(Entry):
    """A way to change an image as little as possible so that the prediction changes.

    `norm` measures the perturbation: "linf" (the largest change of any value) or "l2" (the Euclidean length of the change). `epsilons` are
    the strengths offered, rising; `steps` is the number of gradient steps, 1 for a single one.
    """

    norm: str
    epsilons: tuple[float, ...]
    steps: int = 1
    target: str = "vpc2.predict.adversarial.gradient_steps.follow_gradient"


_LINF = tuple(k / 255 for k in (0.5, 1, 2, 4, 8, 16, 32))
_L2 = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

ATTACKS: Catalog[Attack] = Catalog(
    Text("attack"),
    Attack(
        key="fgsm",
        title=Text("FGSM (one step)"),
        help=Text("Every value moves by epsilon along the sign of the gradient (Goodfellow and others, 2014): quick and weak."),
        norm="linf",
        epsilons=_LINF,
    ),
    Attack(
        key="pgd",
        title=Text("PGD, largest change"),
        help=Text("Ten small steps along the sign of the gradient, each brought back within epsilon (Madry and others, 2017): strong."),
        norm="linf",
        epsilons=_LINF,
        steps=10,
    ),
    Attack(
        key="pgd_l2",
        title=Text("PGD, length of the change"),
        help=Text("Ten steps along the gradient; epsilon bounds the length of the whole change, so that it gathers where it counts."),
        norm="l2",
        epsilons=_L2,
        steps=10,
    ),
)
