"""Export of pretrained nets as lines of PyTorch: unchanged, or with a new last layer. Standard library only."""

from __future__ import annotations

from vpc2.predict.pretrained.catalog import PRETRAINED, ModuleCode, Pretrained
from vpc2.predict.spec import Backbone

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
    return _code_of(PRETRAINED.find(key)).needs


def to_ready(key: str) -> str:
    """Return the lines that build `net`, a pretrained classifier with its weights."""
    code = _code_of(PRETRAINED.find(key))
    return _READY.format(imports=code.weight_imports, build=code.build, weights=code.weights)


def to_net(backbone: Backbone, classes: str, *, is_trained: bool) -> tuple[str, str]:
    """Return the imports and the lines that build `net`, a backbone with a new last layer of `classes` (an expression) outputs.

    For training, it has the pretrained weights and knows which layers are frozen; where `is_trained`, it has none, because the trained
    weights are loaded afterwards.
    """
    entry = backbone.entry
    code = _code_of(entry)
    frozen = backbone.is_frozen and not is_trained
    trunk = f"self.trunk = {code.build}" if is_trained else _LOADED.format(build=code.build, weights=code.weights)
    keep = "self.trunk.eval()  # batch-norm statistics are frozen, too\n        " if frozen else ""
    net = _NET.format(
        frozen="; the trunk is frozen" if frozen else "",
        trunk=trunk,
        head="".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in entry.head.split(".")),
        features=entry.features,
        classes=classes,
        trains="" if is_trained else _TRAIN.format(trains=not frozen, keep=keep),
    )
    return (code.imports if is_trained else code.weight_imports), net


def _code_of(entry: Pretrained) -> ModuleCode:
    return entry.module_code.filled(entry.key)
