"""The exported script, executed by another Python, answers as the page does: every view, every merge."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from tests.forked import run_forked
from vpc2.codec import to_document
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.export.bundle import to_script, to_zip
from vpc2.predict.opening import open_classifier
from vpc2.predict.pretrained.backbone import build_backbone
from vpc2.predict.spec import Backbone
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.predict import merge, predict_views
from vpc2.predict.tta.views import VIEW_SETS, VIEWS
from vpc2.text import Refusal

_DRIVER = "import json, tta\nprint(json.dumps([part.tolist() for part in tta.predict('photo.png')]))"


def executed(folder):
    done = run_forked("import sys; sys.path.insert(0, '')\n" + _DRIVER, cwd=folder, is_isolated=True)
    assert not done.returncode, done.stderr
    return [torch.tensor(part) for part in json.loads(done.stdout.splitlines()[-1])]


def photo(folder):
    pixels = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(pixels).resize((300, 200)))
    Image.fromarray(pixels).save(folder / "photo.png")
    return pixels


@pytest.mark.parametrize(
    ("how", "views", "channels", "resize"), [(how, tuple(VIEWS), 3, "stretch") for how in MERGES] + [("mean", ("grey",), 1, "crop")]
)
def test_the_script_of_a_trained_net_gives_the_same_probabilities(tmp_path, how, views, channels, resize):
    from dataclasses import replace

    net = replace(NETS["tiny"].net, input=(channels, *NETS["tiny"].net.input[1:]))
    torch.manual_seed(2)
    module = build_net(net)
    with torch.no_grad():
        module[-1].weight.mul_(8)
    means = Preprocessing(net.input[1], (0.4,) * channels, (0.3,) * channels, channels, resize)
    made = Classifier(module, means, tuple(f"class '{i}'" for i in range(10)), {"net": to_document(net)})
    zipfile.ZipFile(io.BytesIO(to_zip(made, views, how))).extractall(tmp_path)
    images = made.prepare([photo(tmp_path)])
    plain, merged = executed(tmp_path)
    torch.testing.assert_close(plain, made.probabilities(images)[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(merged, merge(predict_views(made, images, views), how)[0], atol=2e-5, rtol=0)


@pytest.mark.parametrize("key", ["imagenet", "mobilenet_v3_small"])
def test_the_script_of_a_ready_made_net(tmp_path, stand_in_weights, key):
    if key != "imagenet":
        stand_in_weights(key)
    made, views = open_classifier(key), VIEW_SETS["standard"].views
    (tmp_path / "tta.py").write_text(to_script(made, views, ready=key))
    images = made.prepare([photo(tmp_path)])
    plain, merged = executed(tmp_path)
    torch.testing.assert_close(plain, made.probabilities(images)[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(merged, merge(predict_views(made, images, views))[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("backbone", [Backbone(), Backbone("resnet18", is_frozen=False), Backbone("mobilenet_v3_small")])
def test_the_script_of_a_pretrained_net_with_a_new_head(tmp_path, stand_in_weights, backbone):
    if backbone.ready != "imagenet":
        stand_in_weights(backbone.ready)
    torch.manual_seed(4)
    module = build_backbone(backbone, 3).eval()
    with torch.no_grad():
        module.head[1].weight.mul_(5)
    made = Classifier(module, Preprocessing(48, (0.4,) * 3, (0.3,) * 3, 3), ("a", "b", "c"), {"net": to_document(backbone)})
    views = VIEW_SETS["standard"].views
    zipfile.ZipFile(io.BytesIO(to_zip(made, views))).extractall(tmp_path)
    images = made.prepare([photo(tmp_path)])
    plain, merged = executed(tmp_path)
    torch.testing.assert_close(plain, made.probabilities(images)[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(merged, merge(predict_views(made, images, views))[0], atol=2e-5, rtol=0)


def test_a_net_that_came_ready_made_has_no_weights_to_pack():
    with pytest.raises(Refusal):
        to_zip(open_classifier("imagenet"), ("identity",))
