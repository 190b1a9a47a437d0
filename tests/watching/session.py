"""A visitor's whole session, without a browser; the last line printed is what came of it, as JSON. Run by tests/system/test_privacy.py."""

import dataclasses
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from vpc2.augment.library_comparison import MATCHES, apply_match, installed
from vpc2.predict.explain import heatmaps
from vpc2.predict.opening import open_classifier
from vpc2.predict.runtime import onnx_runtime
from vpc2.training.presets import RECIPES
from vpc2.training.runs.status import status_of
from vpc2.training.runs.store import RunStore
from vpc2.training.settings import SETTINGS
from vpc2.ui.server import routes
from vpc2.ui.session import runs

PATIENCE_S = 400  # on a machine that has much else to do
failures = []


def visit(page: str, **query: str) -> None:
    at = AppTest.from_file(str(Path("vpc2/ui/app.py").absolute()), default_timeout=120)
    at.query_params["lang"] = "en"
    at.run()
    for key, value in query.items():
        at.query_params[key] = value
    at.switch_page(str(Path(f"pages/{page}.py").absolute())).run()
    failures.extend(f"{page}: {one.value} {one.stack_trace}" for one in at.exception)


for page in ("home", "augment", "build", "train", "judge"):
    visit(page)
recipe = RECIPES["digits"].recipe
settings = SETTINGS.clean({**recipe.settings, "epochs": 2})
run = RunStore().create(dataclasses.replace(recipe, settings=settings), name="watched")
runs.queue().start(run)
deadline = time.monotonic() + PATIENCE_S
while status_of(run.folder).state in ("queued", "running") and time.monotonic() < deadline:
    time.sleep(0.2)
visit("train", run=run.id)
visit("judge", run=run.id)
with TestClient(Starlette(routes=routes.routes())) as client:
    scalars = client.get(f"/tensorboard/{run.id}/data/plugin/scalars/tags").json()
model = run.folder / "model.safetensors"
classifier = open_classifier(model)
os.environ["VPC2_ONNX"] = "1"  # the pages went without: writing a net once is enough
onnx_runtime.TIMEOUT_S = PATIENCE_S
if thread := onnx_runtime.quicken_later(classifier, model):
    thread.join(PATIENCE_S)
pictures = [np.full((16, 16, 3), 99, np.uint8)]
images = classifier.prepare(pictures)
classifier.probabilities(images)
heatmaps.saliency(classifier, images, 0)
heatmaps.grad_cam(classifier, images, 0)
photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
for key in MATCHES:
    apply_match(key, photo)
told = {
    "state": status_of(run.folder).state,
    "scalars": bool(scalars),
    "is_onnx": classifier.runner is not None and not isinstance(classifier.runner, torch.fx.GraphModule),
    "libraries": len(installed(next(iter(MATCHES)))),
    "failures": failures,
}
runs.shutdown()
print(json.dumps(told))
