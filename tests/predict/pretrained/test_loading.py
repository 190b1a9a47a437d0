"""The classifier that knows the world: its pixels are torchvision's, its answers are right on the shipped photographs."""

import http.server
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from vpc2.images.samples import load_sample
from vpc2.predict.opening import open_classifier
from vpc2.predict.pretrained import loading
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.pretrained.loading import fetch, is_ready, list_torchvision
from vpc2.text import Refusal


@pytest.fixture(scope="module")
def imagenet():
    return open_classifier("imagenet")


@pytest.mark.parametrize(("sample", "right"), [("chelsea", {"tabby", "tiger cat", "Egyptian cat"}), ("coffee", {"espresso", "cup"})])
def test_the_pretrained_net_classifies_the_shipped_photographs(imagenet, sample, right):
    shares = imagenet.probabilities(imagenet.prepare([load_sample(sample).pixels]))[0]
    assert imagenet.classes[int(shares.argmax())] in right
    assert len(imagenet.classes) == 1000


def test_preprocessing_of_the_pretrained_net_is_torchvisions(imagenet):
    pixels = load_sample("chelsea").pixels
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize((0.498,) * 3, (0.502,) * 3)]
    wanted = transforms.Compose(steps)(Image.fromarray(pixels))
    found = imagenet.normalise(imagenet.prepare([pixels]))[0]
    # Cut and resized in one move instead of two: the same picture up to rounding and half a pixel.
    assert (found - wanted).abs().mean() < 0.03


def test_prediction_leaves_the_global_generator_alone(imagenet):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    open_classifier("imagenet").probabilities(imagenet.prepare([np.zeros((9, 9, 3), np.uint8)]))
    assert torch.equal(torch.get_rng_state(), before)


def test_is_ready_is_true_only_without_a_download(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert is_ready("imagenet")
    listed = [key for key, entry in PRETRAINED.items() if entry.download_mb]
    assert listed and not any(is_ready(key) for key in listed)
    assert set(listed) <= set(list_torchvision())


def test_an_unknown_net_is_refused():
    with pytest.raises(Refusal, match="resnet9000"):
        open_classifier("torchvision:resnet9000")


@pytest.fixture
def web():
    """A server on this machine that gives what the test puts into `answers`."""
    answers = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) if not self.path.startswith("/cut") else len(body) + 9))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers["address"] = f"http://127.0.0.1:{server.server_port}"
    yield answers
    server.shutdown()


def test_a_download_is_whole_or_not_there(web, tmp_path):
    import hashlib

    body = bytes(range(256)) * 9000
    name = f"net-{hashlib.sha256(body).hexdigest()[:8]}.pth"
    web[f"/{name}"], web[f"/cut/{name}"], web[f"/bad/{name}"] = body, body[:-9], body[:-1] + b"x"
    heard = []
    fetch(f"{web['address']}/{name}", tmp_path / name, "net", 2, heard.append)
    assert (tmp_path / name).read_bytes() == body
    assert heard == sorted(heard) and heard[-1] == 1.0
    (tmp_path / name).unlink()
    for place in ("cut", "bad"):
        with pytest.raises(Refusal):
            fetch(f"{web['address']}/{place}/{name}", tmp_path / name, "net", 2)
        assert list(tmp_path.iterdir()) == []


def test_without_network_it_says_so_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(loading.urllib.request, "urlopen", lambda *a, **k: (_ for _ in ()).throw(OSError("no route")))
    with pytest.raises(Refusal, match="network"):
        open_classifier("resnet18")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
