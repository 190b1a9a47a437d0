"""No visitor gets results cached for another: every cache of the process is found, and each with private contents is queried twice.

The caches are found in the source: a new one without a line in `PRIVATE` or `HARMLESS` fails here. Two visitors who are alike in all
but their own data (the same run, the same names, other photographs, sets, files and labels) ask every private one in turn; the second
has to hear what an empty cache would have told them, and something else than the first.

What a private key holds, and why that is enough:
a photograph by the sha256 of its file (of its form and pixels, where the app made it): who can make the key has the photograph;
a run by its id, 64 random bits, with the time its weights were written (`ClassifierVersion`);
a classifier's file by the sha256 of its bytes;
a visitor's set by a hash over its maker and its pictures, and `uploaded_sets.is_visible_to` before its pictures are drawn;
labels, pipelines, nets and views by all they consist of; what the session chooses (the set that a classifier is judged on) by its key.
"""

import ast
import copy
import hashlib
import sys
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
import torch

from vpc2 import codec
from vpc2.augment import pipeline as pipelines
from vpc2.augment.library_comparison import MATCHES
from vpc2.augment.mixes import MIXES
from vpc2.augment.presets import PIPELINES
from vpc2.data import uploaded_sets
from vpc2.data.imageset import ImageSet
from vpc2.labels import Label
from vpc2.nets.inspection.kernels import KERNELS
from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.nets.spec import edit_param
from vpc2.predict import uploaded_classifiers
from vpc2.predict.classifier import Classifier, save_classifier
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.training.presets import RECIPES
from vpc2.training.queue.worker import train
from vpc2.ui.augment import export_cost, labels, library_comparison, mixing
from vpc2.ui.computed import augmented, classifiers, datasets, label_survival, net_views
from vpc2.ui.judge import attack_patch, attacks, explanations, robustness, single_photo, test_pictures, test_set
from vpc2.ui.session import runs, workspace
from vpc2.ui.train import recipe_form

ROOT = Path(__file__).parents[3]
PIPELINE = PIPELINES["half_turn"].pipeline
NET = NETS["tiny"].net
CONV = next(layer.id for layer in NET.walk() if layer.kind == "Conv2d")
SIDE = 96


def conv_of(ref):
    return explanations._layers(classifiers.version_of(ref))[0][0]


def look(who, ref):
    return explanations._compute_heatmaps(classifiers.version_of(ref), who.photo["digest"], None, conv_of(ref), who.photo["pixels"])


def judged(who):
    views = ["identity", "flip_horizontal"]
    if test_set.cached_predictions(who.run, views) is None:
        test_set._evaluate(test_set._key(who.run, views), st.empty())
    found = test_set.cached_predictions(who.run, views)
    return found.labels, found.logits


def mixed(who):
    params = {knob.key: knob.clean(knob.default) for knob in MIXES["RandomMixUpV2"].knobs}
    return mixing._mix_photos(
        "RandomMixUpV2", tuple(sorted((key, repr(value)) for key, value in params.items())), 3, [who.photo, who.photo2], params
    )


def cost(who):
    from vpc2.augment.export.offline_dataset import Item
    from vpc2.images.encode import to_tensor

    items = [Item("one", "one", lambda: to_tensor(who.photo["pixels"]), who.labels)]
    content_key = repr((who.photo["digest"], who.labels))
    return export_cost._measure_export(augmented.token_of(PIPELINE), content_key, "ImageFolder", items)["digests"]


def staged(who):
    """The draws, of which the cache may hold all but the last step."""
    from vpc2.images.encode import to_tensor

    image = to_tensor(who.photo["pixels"])
    return pipelines.draw_images(PIPELINE, image, 2, image_key=who.photo["digest"], cache=augmented.STAGES)[1].image


def one(module, name, *args):
    """Return a case that calls a cached function with the visitor's own photograph, and classifier where it takes one."""
    return lambda who: getattr(module, name)(*(given(who) if callable(given) else given for given in args))


def photo(who):
    return who.photo


def digest(who):
    return who.photo["digest"]


def pixels(who):
    return who.photo["pixels"]


def version(who):
    return classifiers.version_of(who.run)


def dataset(who):
    return classifiers.dataset_of(who.run)


PRIVATE = {
    "vpc2.augment.draw_cache:DrawCache.__init__": [staged],
    "vpc2.data.uploaded_sets:_load": [lambda who: uploaded_sets.load(who.set, 32).images],
    "vpc2.figures.predictions:predictions_figure": [
        lambda who: (
            import_module("vpc2.figures.predictions").predictions_figure((who.name, "x"), (0.7, 0.3), is_merged=True).to_plotly_json()
        )
    ],
    "vpc2.training.runs.store:_read_spec": [lambda who: runs.store().get(who.own_run).name],
    "vpc2.ui.computed.label_survival:_predict_unaugmented": [
        lambda who: label_survival.predict_unaugmented(who.run, who.photo),
        lambda who: label_survival.predict_unaugmented(who.file, who.photo),
    ],
    "vpc2.ui.computed.label_survival:_survival_of": [lambda who: vars(label_survival.survival_of(PIPELINE, who.run, who.photo, 6))],
    "vpc2.ui.computed.label_survival:_survival_by_class_of": [
        lambda who: label_survival.survival_by_class_of(PIPELINE, who.run),
        lambda who: label_survival.survival_by_class_of(PIPELINE, who.file),
        lambda who: vars(label_survival.survival_of(PIPELINE, who.run, None, 24)),
    ],
    "vpc2.ui.judge.attacks:_run_attack": [
        one(attacks, "_run_attack", version, digest, "fgsm", 8 / 255, None, pixels),
        lambda who: attacks._run_attack(
            classifiers.version_of(who.file), "same photograph", "fgsm", 8 / 255, None, np.full((40, 40, 3), 90, np.uint8)
        ),
    ],
    "vpc2.ui.judge.attacks:_run_pixel_attack": [one(attacks, "_run_pixel_attack", version, digest, pixels)],
    "vpc2.ui.judge.attacks:_curve_cache": [
        lambda who: attacks._accuracy_curve(
            (classifiers.version_of(who.run), classifiers.dataset_of(who.run), "fgsm", None), lambda share: None
        )
    ],
    "vpc2.ui.judge.attack_patch:_learn_patch": [
        lambda who: attack_patch._learn_patch(classifiers.version_of(who.run), (who.photo["digest"],), 1, [who.photo["pixels"]])
    ],
    "vpc2.ui.judge.attack_patch:_evaluate_patch": [
        lambda who: attack_patch._evaluate_patch(classifiers.version_of(who.run), classifiers.dataset_of(who.run), 1)
    ],
    "vpc2.ui.computed.augmented:_augmented_draws": [lambda who: augmented.augmented_draws(PIPELINE, who.photo, 2, SIDE)],
    "vpc2.ui.computed.augmented:resized_pixels": [one(augmented, "resized_pixels", digest, SIDE, pixels)],
    "vpc2.ui.computed.augmented:_resized_jpeg": [one(augmented, "resized_jpeg", photo, SIDE)],
    "vpc2.ui.computed.augmented:_images_after_steps": [lambda who: augmented.images_after_steps(PIPELINE, who.photo, 0, SIDE)],
    "vpc2.ui.computed.augmented:_before_after": [lambda who: augmented.before_after(PIPELINE, who.photo, 0, SIDE)],
    "vpc2.ui.augment.export_cost:_measure_export": [cost],
    "vpc2.ui.judge.robustness:_predict_corrupted": [one(robustness, "_predict_corrupted", version, digest, "brightness", pixels)],
    "vpc2.ui.judge.robustness:_accuracy_corrupted": [one(robustness, "_accuracy_corrupted", version, dataset, "brightness")],
    "vpc2.ui.judge.explanations:_layers": [lambda who: explanations._layers(classifiers.version_of(who.other_file))],
    "vpc2.ui.judge.explanations:_compute_heatmaps": [lambda who: look(who, who.run), lambda who: look(who, who.file)],
    "vpc2.ui.judge.explanations:_filter_sheet": [
        lambda who: explanations._filter_sheet(classifiers.version_of(who.file), conv_of(who.file))
    ],
    "vpc2.ui.judge.explanations:_feature_map_sheet": [
        lambda who: explanations._feature_map_sheet(classifiers.version_of(who.run), digest(who), conv_of(who.run), pixels(who))
    ],
    "vpc2.ui.judge.explanations:_top_activations": [
        lambda who: explanations._top_activations(classifiers.version_of(who.run), classifiers.dataset_of(who.run), conv_of(who.run), 0)
    ],
    "vpc2.ui.judge.explanations:_convolve_photo": [
        one(explanations, "_convolve_photo", digest, ((0, 0, 0), (0, 2, 0), (0, 0, 0)), 1.0, pixels)
    ],
    "vpc2.ui.judge.explanations:_thumbnails": [one(explanations, "_thumbnails", version, dataset)],
    "vpc2.ui.judge.explanations:_compute_embedding": [one(explanations, "_compute_embedding", version, dataset, "pca")],
    "vpc2.ui.computed.classifiers:_load": [
        lambda who: classifiers.classifier_of(who.file).module.state_dict(),
    ],
    "vpc2.ui.judge.test_set:_prediction_cache": [judged],
    "vpc2.ui.judge.test_pictures:_wrong_first": [one(test_pictures, "_wrong_first", version, dataset)],
    "vpc2.ui.augment.labels:_transform_labels": [
        lambda who: labels._transform_labels(
            augmented.token_of(PIPELINE), "same photograph", repr(who.labels), who.labels, np.full((40, 40, 3), 90, np.uint8)
        ),
        lambda who: labels._transform_labels(augmented.token_of(PIPELINE), who.photo["digest"], "()", (), who.photo["pixels"]),
    ],
    "vpc2.ui.augment.library_comparison:_apply_in_each": [one(library_comparison, "_apply_in_each", next(iter(MATCHES)), digest, pixels)],
    "vpc2.ui.computed.datasets:_cache": [lambda who: datasets.load_cached_dataset(who.set, 32).images],
    "vpc2.ui.computed.datasets:DatasetCache.__init__": [lambda who: datasets.load_cached_dataset(who.set, 24).labels],
    "vpc2.ui.judge.single_photo:_prediction_cache": [
        lambda who: {
            view: found[:2]
            for view, found in single_photo.predict_views(
                who.run, who.photo, ["identity", *single_photo.keys_of_draws(PIPELINE, 1)]
            ).items()
        },
        lambda who: single_photo.predict_views(who.file, who.photo, ["identity"])["identity"][0],
    ],
    "vpc2.ui.augment.mixing:_compute_mixes": [mixed],
    "vpc2.ui.train.recipe_form:_sheet": [lambda who: recipe_form._sheet(who.set, 3)],
    "vpc2.ui.computed.net_views:_resized_photo": [one(net_views, "resized_photo", photo, NET.input)],
    "vpc2.ui.computed.net_views:_compute_effective_field": [lambda who: net_views.compute_effective_field(who.net, CONV, (3, 3))],
    "vpc2.ui.computed.net_views:_compute_feature_maps": [one(net_views, "compute_feature_maps", NET, CONV, photo, 1, 0, False)],
    "vpc2.ui.computed.net_views:_window_on_photo": [one(net_views, "window_on_photo", NET, CONV, photo, (3, 3), next(iter(KERNELS)))],
    "vpc2.ui.computed.net_views:_window_on_channel": [one(net_views, "window_on_channel", NET, CONV, photo, (3, 3), 1, 0, 0)],
}
HARMLESS = {
    "vpc2.data.digits:": "public pictures",
    "vpc2.data.hands:": "public pictures, by folder and size",
    "vpc2.data.public:": "public pictures, by key, folder and size",
    "vpc2.data.shapes:": "drawn by the program",
    "vpc2.data.imageset:ImageSet.twins": "kept in the data set itself",
    "vpc2.images.samples:load_sample": "the app's own photographs",
    "vpc2.system.lru_cache:": "what the caches are made of: each place that makes one is found by itself",
    "vpc2.nets.export.png:_sans_family": "fonts of the machine",
    "vpc2.nets.summary.layer_summary:": "kept in a net's facts themselves, which a visitor's own session holds",
    "vpc2.nets.summary.lessons:_filled_note": "of a preset",
    "vpc2.nets.presets:": "of a preset",
    "vpc2.nets.torch_reader.torch_signatures:": "signatures of torch's classes and functions, by the keys of the table of layers",
    "vpc2.predict.tta.transforms:_inverse": "a matrix of numbers by itself",
    "vpc2.sources:": "the program's own source",
    "vpc2.training.ray.queue:": "data sets in the cluster's memory, by key and size: only a run that trains on one is given it",
    "vpc2.nets.export.pytorch_code:_defaults": "the signature of a class of torch",
    "vpc2.training.schedule:Schedule.takes_steps": "the signature of a schedule's own function",
    "vpc2.ui.server.tensorboard:": "by the ids of the runs that the address names; asked in tests/ui/server/test_routes.py",
    "vpc2.ui.build.canvas:_palette": "the table of layers, by language",
    "vpc2.ui.widgets.page_frame:_icon": "the app's icon",
    "vpc2.ui.components.": "a component's code, without any argument",
    "vpc2.text:_catalog": "translations, by language",
    "vpc2.ui.server.idle:_CLEANUPS": "functions that clear the caches",
    "vpc2.ui.home.lecture_map:": "links of the lecture's examples",
    "vpc2.ui.augment.library_comparison:_time_batch": "milliseconds and the device",
    "vpc2.ui.server.preload:_threads": "the threads that load the libraries",
    "vpc2.ui.session.runs:_QUEUE": "the queue of runs, by the folder of the runs",
}
DECORATORS = {"cache", "lru_cache", "cached_property", "cache_data", "cache_resource", "cached", "cachedmethod", "singledispatch"}
CONTAINERS = {"OrderedDict", "WeakKeyDictionary", "WeakValueDictionary", "defaultdict", "deque", "ContextVar"}
CONTAINERS |= {"LRUCache", "LruCache", "TTLCache"}


def caches_in(module, text):
    """Return the names of all caches: decorated functions, containers that grow, empty containers at module level."""
    found = set()

    def walk(node, place):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = (*place, child.name)
                for decorator in child.decorator_list:
                    called = decorator.func if isinstance(decorator, ast.Call) else decorator
                    if ast.unparse(called).rpartition(".")[2] in DECORATORS:
                        found.add(f"{module}:{'.'.join(inner)}")
                walk(child, inner)
                continue
            if isinstance(child, ast.Call) and ast.unparse(child.func).rpartition(".")[2] in CONTAINERS | DECORATORS:
                if not isinstance(node, ast.FunctionDef):
                    found.add(f"{module}:{'.'.join(place)}")
            if not place and isinstance(child, ast.Assign | ast.AnnAssign) and child.value is not None:
                value = ast.unparse(child.value)
                if value in ("{}", "[]", "set()", "dict()", "list()", "bytearray()"):
                    target = child.target if isinstance(child, ast.AnnAssign) else child.targets[0]
                    found.add(f"{module}:{ast.unparse(target)}")
            walk(child, place)

    walk(ast.parse(text), ())
    return found


def caches():
    found = set()
    for path in (*(ROOT / "vpc2").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "streamlit_app.py"):
        found |= caches_in(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path.read_text("utf-8"))
    return found


def test_the_source_check_finds_every_cache():
    text = (
        "import functools, streamlit as st\n_KEPT = {}\n@st.cache_data(max_size='1MB')\ndef a(x): pass\n@functools.cache\ndef b(): pass\n"
        "class C:\n    def __init__(self):\n        self.kept = OrderedDict()\n    @cached_property\n    def d(self): pass\n"
        "def e():\n    @lru_cache(maxsize=3)\n    def f(): pass\ng = lru_cache(h)\n"
    )
    assert caches_in("m", text) == {"m:_KEPT", "m:a", "m:b", "m:C.__init__", "m:C.d", "m:e.f", "m:"}


def test_every_cache_has_a_case_or_a_reason():
    found = caches()
    nameless = sorted(name for name in found if name not in PRIVATE and not any(name.startswith(key) for key in HARMLESS))
    assert not nameless, f"caches without a case in PRIVATE or a reason in HARMLESS: {nameless}"
    assert not PRIVATE.keys() - found, "cases of caches that are gone"
    assert not [key for key in HARMLESS if not any(name.startswith(key) for name in found)], "reasons for caches that are gone"


class Visitor:
    """A visitor who equals the other one in everything but their private data."""

    def __init__(self, number, run, folder):
        self.id, self.session, self.run, self.name = f"{number}" * 32, {}, run, f"visitor {number}"
        rng = np.random.default_rng(number)
        self.photo, self.photo2 = (self._photo(rng, (60, 80, 3)) for _ in range(2))
        self.labels = (Label("box", (0.1, 0.1, 0.3 + 0.2 * number, 0.6), "thing"),)
        count = 40 + 40 * number
        # Real digits, other ones for each: so that the net is right about some.
        full = datasets.load_cached_dataset("digits", uploaded_sets.SIZE_PX)
        which = rng.permutation(np.flatnonzero(np.isin(full.labels, (3, 7))))[:count]
        data = ImageSet(full.images[which].copy(), (full.labels[which] == 7).astype(np.int64), ("3", "7"))
        self.set = uploaded_sets.keep(data, "mine", self.id).key
        known = classifiers.classifier_of(run)
        torch.manual_seed(number)
        module = copy.deepcopy(known.module)  # of the same answers, but for a little
        with torch.no_grad():
            for weights in module.parameters():
                weights += 0.01 * torch.randn_like(weights)
        self.file = self._keep(Classifier(module, known.preprocessing, known.classes, known.provenance, "mine"), folder)
        net = edit_param(NET, CONV, "out_channels", 8 * number)
        self.other_file = self._keep(replace(known, module=build_net(net), provenance={"net": codec.to_document(net)}), folder)
        self.own_run = runs.store().create(RECIPES["digits"].recipe, name=f"of visitor {number}", owner=self.id).id
        self.net = edit_param(NET, CONV, "kernel_size", 1 + 2 * number)
        self.session |= {f"judge/of/{run}": self.set, f"judge/of/{self.file}": self.set, "judge/files": {str(self.file): "mine"}}

    @staticmethod
    def _keep(classifier, folder):
        save_classifier(classifier, folder / "classifier.safetensors")
        return uploaded_classifiers.keep((folder / "classifier.safetensors").read_bytes())[0]

    @staticmethod
    def _photo(rng, shape):
        made = rng.integers(0, 256, shape, np.uint8)
        return {"pixels": made, "digest": hashlib.sha256(made.tobytes()).hexdigest(), "name": "me.jpg", "notes": ()}


class Stage:
    """Both visitors; one of them is active."""

    def __init__(self, patch):
        self.patch, self.now = patch, None

    def enter(self, who):
        self.patch.setattr(st, "session_state", who.session)
        self.patch.setattr(workspace, "visitor_id", lambda: who.id)


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory):
    """One data folder for the whole file instead of one per test, because a run is trained in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VPC2_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def visitors(own_home, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st, "session_state", {})
        patch.setattr(workspace, "visitor_id", lambda: "0" * 32)
        digits = RECIPES["digits"].recipe
        run = runs.store().create(replace(digits, settings={**digits.settings, "epochs": 4}), owner="0" * 32)
        assert train(run) == "finished"
        yield [Visitor(number, ClassifierRef("run", run.id), tmp_path_factory.mktemp(f"visitor{number}")) for number in (1, 2)]


@pytest.fixture
def stage(monkeypatch):
    monkeypatch.setattr(st, "empty", lambda: type("Bar", (), {"progress": lambda self, *args, **more: None})())
    return Stage(monkeypatch)


def forget():
    """Clear every cache with private contents."""
    st.cache_data.clear()
    for name in PRIVATE:
        module, _colon, place = name.partition(":")
        kept = getattr(sys.modules[module], place, None)
        for way in ("clear", "cache_clear"):
            if hasattr(kept, way):
                getattr(kept, way)()
    augmented.STAGES.clear()


def plain(value):
    """Return a result in comparable form: bytes of arrays and images, without milliseconds, which are never equal."""
    if isinstance(value, dict):
        return tuple((key, plain(one)) for key, one in value.items() if key != "ms")
    if isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if is_dataclass(value) and not isinstance(value, type):
        return plain({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return value if isinstance(value, bytes | str | int | float | bool | type(None)) else repr(value)


CASES = [pytest.param(case, id=f"{name}[{i}]") for name, cases in PRIVATE.items() for i, case in enumerate(cases)]


@pytest.mark.parametrize("case", CASES)
def test_what_was_kept_for_one_visitor_is_not_shown_to_another(case, visitors, stage):
    one, other = visitors
    forget()
    stage.enter(other)
    wanted = plain(case(other))
    forget()
    stage.enter(one)
    first = plain(case(one))
    stage.enter(other)
    found = plain(case(other))
    assert first != wanted, "the case tells the two visitors from each other by nothing"
    assert found == wanted
    stage.enter(one)
    assert plain(case(one)) == first
