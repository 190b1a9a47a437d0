"""Export of test-time augmentation: a script of plain PyTorch that does the same and, for a net trained here, a ZIP with its weights."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import torch

from vpc2.codec import from_document
from vpc2.nets.export import pytorch_code as nets
from vpc2.predict.classifier import GREY as INPUT_GREY
from vpc2.predict.classifier import Classifier, net_document
from vpc2.predict.export import tta_script
from vpc2.predict.pretrained import backbone_code
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.transforms import view_matrix
from vpc2.predict.tta.views import VIEWS, clean_views
from vpc2.sources import Unavailable
from vpc2.text import Refusal, Text
from vpc2.version import APP

_NO_SCRIPT = Text("Only ready-made classifiers and nets that were trained here can be written as a plain script.")
_NOT_CARRIED = Text("A view or the merge cannot be written as a plain script: {why}.")
_WEIGHTS = f"""
path = Path(__file__).parent / "{tta_script.WEIGHTS_NAME}"
if not path.is_file():
    sys.exit(f"{{path.name}} is missing: put it beside this script, it is in the ZIP that the script came in.")
weights = load_file(path)  # numbered in the order of the state dict
net.load_state_dict({{name: weights[str(i)] for i, name in enumerate(net.state_dict())}})
net.eval()
"""


def to_script(classifier: Classifier, views: Sequence[str], how: str = "mean", *, ready: str = "") -> str:
    """Return the script of a classifier in these views; `ready` is the key of PRETRAINED of an unchanged pretrained one, else empty.

    Raises `Refusal` for a net that can be written neither as layers nor as a pretrained one with a new last layer.
    """
    size, geometric, photometric = classifier.preprocessing.size_px, {}, {}
    for key in clean_views(views):
        entry = VIEWS[key]
        if entry.is_geometric:
            matrix = torch.linalg.inv(torch.tensor(view_matrix(key, size, size), dtype=torch.float64))
            geometric[key] = [[round(value, 12) for value in row] for row in matrix[:2].tolist()]
        else:
            photometric[key] = (entry.target, entry.params)
    net, needs = (backbone_code.to_ready(ready), [backbone_code.needs_of(ready)]) if ready else _net_lines(classifier)
    try:
        return tta_script.to_script(
            net=net,
            needs="".join(f", {package}" for package in needs),
            classes=classifier.classes,
            preprocessing=classifier.preprocessing.to_doc(),
            geometric=geometric,
            photometric=photometric,
            merge=MERGES.find(how).target,
            merge_words=MERGES.find(how).help.en.rstrip("."),
            input_grey=INPUT_GREY,
        )
    except Unavailable as error:
        raise Refusal(_NOT_CARRIED.fill(why=str(error))) from None


def _net_lines(classifier: Classifier) -> tuple[str, list[str]]:
    """Return the lines that build a net trained here, and the packages and files they need."""
    document = net_document(classifier.provenance)
    if document is None:
        raise Refusal(_NO_SCRIPT)
    net, needs = from_document(document).spec, ["safetensors", f"and {tta_script.WEIGHTS_NAME} beside it"]
    if net.KIND == "backbone":
        imports, lines = backbone_code.to_net(net, str(len(classifier.classes)), is_trained=True)
        lines, needs = f"{imports}\nfrom torch import nn\n\n\n{lines}", [backbone_code.needs_of(net.ready), *needs]
    elif net.KIND == "net":
        code = nets.to_code(net)
        lines = code[code.index("from torch import nn") : code.index("\nimages = torch.zeros")]
    else:
        raise Refusal(_NO_SCRIPT)
    return f"from safetensors.torch import load_file\n{lines}{_WEIGHTS}", needs


def to_zip(classifier: Classifier, views: Sequence[str], how: str = "mean") -> bytes:
    """Return a ZIP of the script and the weights of a net trained here. Raises `Refusal` for a pretrained net."""
    from safetensors.torch import save

    script = to_script(classifier, views, how)
    weights = {str(i): value.detach().cpu().contiguous() for i, value in enumerate(classifier.module.state_dict().values())}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = APP.encode()
        file.writestr(tta_script.SCRIPT_NAME, script)
        file.writestr(tta_script.WEIGHTS_NAME, save(weights))
    return out.getvalue()
