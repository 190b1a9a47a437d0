"""Small recipes that train in a second or two."""

from subprocess import PIPE, TimeoutExpired
from types import SimpleNamespace

import pytest

from tests.forked import ForkedPopen
from vpc2.nets.spec import make_net
from vpc2.training.queue import worker_pool
from vpc2.training.runs.store import RunStore
from vpc2.training.spec import SETTINGS, Recipe


def _make_recipe(**settings) -> Recipe:
    """A net of one convolution on the digits at 8 px, one epoch unless told otherwise."""
    net = make_net(
        "tiny",
        (1, 8, 8),
        ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1}),
        "BatchNorm2d",
        "ReLU",
        ("Dropout", {"p": 0.1}),
        "Flatten",
        ("Linear", {"out_features": 10}),
    )
    defaults = {"size_px": 8, "epochs": 1, "budget_s": 60.0, "learning_rate": 0.01}
    return Recipe("digits", net, None, SETTINGS.clean({**defaults, **settings}), "tiny")


# Weights of several channels in and out, forwards and transposed: in channels_last they lie otherwise in memory than their strides count.
CHANNELS = make_net(
    "channels",
    (3, 8, 8),
    ("Conv2d", {"out_channels": 8, "kernel_size": 3, "padding": 1}),
    "BatchNorm2d",
    "ReLU",
    ("Conv2d", {"out_channels": 6, "kernel_size": 3, "padding": 1}),
    "ReLU",
    ("ConvTranspose2d", {"out_channels": 4, "kernel_size": 3, "padding": 1, "stride": 1}),
    "ReLU",
    ("Dropout", {"p": 0.1}),
    "Flatten",
    ("Linear", {"out_features": 10}),
)


@pytest.fixture
def make_recipe():
    return _make_recipe


@pytest.fixture
def recipe():
    return _make_recipe()


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "home")


@pytest.fixture
def quick_workers(monkeypatch):
    """The queue's workers start in a tenth of a second; how they start by themselves is for test_worker.py and test_restarts.py."""
    monkeypatch.setattr(worker_pool, "subprocess", SimpleNamespace(Popen=ForkedPopen, PIPE=PIPE, TimeoutExpired=TimeoutExpired))
