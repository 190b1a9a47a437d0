"""Operations: automatic policies (AutoAugment, RandAugment, TrivialAugment), which draw operations and strengths themselves."""

from typing import Any

from vpc2.augment.operations.operation import NO_LABEL, Operation
from vpc2.knobs import Choice, Whole
from vpc2.text import Text, Verbatim


def _policy(key: str, title: str, help_: Text, torchvision: str, *knobs: Choice | Whole, **more: Any) -> Operation:
    return Operation(
        key=key,
        family="auto",
        title=Verbatim(title),
        help=help_,
        target=f"vpc2.augment.custom.policies.{key}",
        knobs=knobs,
        shows=(("operations", NO_LABEL, ""),),
        is_policy=True,
        torchvision=torchvision,
        needs_side_px=lambda params: 3,  # they may draw sharpening, whose kernel has a side of three
        **more,
    )


AUTO: tuple[Operation, ...] = (
    _policy(
        "AutoAugment",
        "AutoAugment",
        Text("Pairs of operations that a search found for a data set (Cubuk and others, 2019)."),
        "v2.AutoAugment(v2.AutoAugmentPolicy({policy}))",
        Choice(
            key="policy",
            title=Text("Found for"),
            default="imagenet",
            options={
                "imagenet": Text("ImageNet"),
                "cifar10": Text("CIFAR-10"),
                "svhn": Text("SVHN"),
            },
        ),
    ),
    _policy(
        "RandAugment",
        "RandAugment",
        Text("So many operations at random, all of one strength of 30: more changes more (Cubuk and others, 2020)."),
        "v2.RandAugment({n}, {m})",
        Whole(key="n", title=Text("Operations"), default=2, low=1, high=8),
        Whole(key="m", title=Text("Strength"), default=10, low=1, high=29),
        strengths=(("m", 1.0), ("n", 1.0)),
        unlike=(("torchvision", "an operation may come twice; identity stands for invert and for solarize with addition"),),
    ),
    _policy(
        "TrivialAugment",
        "TrivialAugment",
        Text("One operation at random, of any strength of RandAugment's: nothing to tune (Müller and Hutter, 2021)."),
        "v2.TrivialAugmentWide()",
        unlike=(("torchvision", "its ranges are wider: 135 degrees, factors of 0.01 to 1.99, 2 bits"),),
    ),
)
