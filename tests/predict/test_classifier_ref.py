"""How a classifier is called: read and written in one place, hostile names refused, and kept answers never outlive its weights."""

import ast
from dataclasses import FrozenInstanceError
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from vpc2.predict.classifier_ref import ClassifierRef, ClassifierVersion
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.text import LANGUAGES, Refusal
from vpc2.training.presets import RECIPES
from vpc2.training.runs.store import RunStore

ROOT = Path(__file__).parents[2]
HOME = "vpc2/predict/classifier_ref.py"
FILES = sorted([*(ROOT / "vpc2").rglob("*.py"), *(ROOT / "pages").glob("*.py")])
NAMES = {
    f"run:{'a1' * 8}": ("run", "a1" * 8),
    f"file:{'0f' * 16}": ("file", "0f" * 16),
    "torchvision:vit_b_16": ("torchvision", "vit_b_16"),
    **{key: ("pretrained", key) for key in PRETRAINED},
}
HOSTILE = [
    *("", "run:", "run:../../etc/passwd", "run:a/b", "run:" + "a" * 33, "run:abc", "RUN:" + "a" * 16, "run:aaaaaaaa\n", "run:ааааaaaa"),
    *(
        "file:",
        "file:../x",
        "file:" + "A" * 32,
        "file:" + "0" * 31,
        "file:" + "0" * 32 + "/",
        "/etc/passwd",
        "imagenet ",
        "pretrained:imagenet",
    ),
    *("torchvision:", "torchvision:../x", "torchvision:a b", "<script>", "x" * 100_000, None, 7, b"imagenet", ["imagenet"], {"run": "a"}),
]


@pytest.mark.parametrize("name", NAMES)
def test_what_was_written_is_read(name):
    ref = ClassifierRef.parse(name)
    assert (
        (ref.kind, ref.id) == NAMES[name]
        and str(ref) == name
        and ref == ClassifierRef(*NAMES[name])
        and len({ref, ClassifierRef.parse(name)}) == 1
    )
    assert [ref.is_run, ref.is_file, ref.is_pretrained] == [NAMES[name][0] == kind for kind in ("run", "file", "pretrained")]
    with pytest.raises(FrozenInstanceError):
        ref.id = "other"


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:30])
def test_anything_else_is_refused_in_one_short_sentence(name):
    with pytest.raises(Refusal) as refused:
        ClassifierRef.parse(name)
    for said in map(refused.value.text.say, LANGUAGES):
        assert len(said) < 120 and "\n" not in said and said.endswith(".")


@pytest.mark.parametrize(
    ("kind", "id_"), [("run", "../x"), ("path", "x"), ("pretrained", "none"), ("", ""), (None, "imagenet"), ("run", 7)]
)
def test_a_classifier_ref_of_invalid_parts_is_refused(kind, id_):
    with pytest.raises(Refusal):
        ClassifierRef(kind, id_)


def test_the_store_of_runs_makes_ids_that_may_be_named():
    """Both patterns are written down: the ground that reads links knows nothing of the store."""
    made = RunStore().create(RECIPES["digits"].recipe)
    assert str(ClassifierRef("run", made.id)) == f"run:{made.id}"


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("judge?run=a1a1a1a1a1a1a1a1&views=identity&merge=mean", "run:a1a1a1a1a1a1a1a1"),
        ("judge?classifier=imagenet&views=identity,flip_horizontal", "imagenet"),
        ("judge?classifier=resnet18&run=a1a1a1a1a1a1a1a1", "resnet18"),  # a ready-made one always went first
        ("judge?classifier=nothing&run=a1a1a1a1a1a1a1a1", "run:a1a1a1a1a1a1a1a1"),
        ("judge?run=..%2F..%2Fetc", None),
        ("judge?run=%3Cb%3E&views=<script>&merge=x", None),
        ("judge?classifier=torchvision:vgg19", None),  # a link must not start a download of anything that torchvision has
        ("judge", None),
    ],
)
def test_links_of_before_name_what_they_named(link, wanted):
    found = ClassifierRef.from_link(dict(parse_qsl(urlsplit(link).query)))
    assert (None if found is None else str(found)) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_link_leads_back_to_what_it_was_made_of(name):
    ref = ClassifierRef.parse(name)
    assert ClassifierRef.from_link(ref.to_link()) == (ref if ref.is_run or ref.is_pretrained else None)


def test_the_command_line_names_ready_made_ones_and_paths():
    assert ClassifierRef.from_command_line("imagenet") == ClassifierRef("pretrained", "imagenet")
    assert ClassifierRef.from_command_line("torchvision:vgg19") == ClassifierRef("torchvision", "vgg19")
    for name in ("runs/one", "run:a1a1a1a1a1a1a1a1", "a.safetensors"):
        assert ClassifierRef.from_command_line(name) == Path(name)


def spelled_by_hand(text):
    """Return the lines of a source that begin a string with a kind of classifier, test a string for one, or cut one off by its length."""
    found, prefixes = [], ("run:", "file:", "torchvision:")
    for node in ast.walk(ast.parse(text)):
        is_prefix = isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(prefixes)
        is_cut = (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Slice)
            and isinstance(node.slice.lower, ast.Constant)
            and node.slice.lower.value in [len(prefix) for prefix in prefixes]
            and node.slice.upper is None
        )
        if is_prefix or is_cut:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("line", ['a.startswith("run:")', 'f"run:{a}"', "a[4:]", "a[5:]", 'a.removeprefix("file:")', '"torchvision:" + a'])
def test_the_source_check_finds_every_hand_written_classifier_name(line):
    assert spelled_by_hand(line)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_place_spells_the_name_of_a_classifier(path):
    if str(path.relative_to(ROOT)) != HOME:
        assert spelled_by_hand(path.read_text("utf-8")) == []


def keyed_without_a_version(text):
    """Return the functions of a source that keep what they return by a classifier, but not by the version of its weights."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and any("cache" in ast.unparse(one) for one in node.decorator_list):
            given = [ast.unparse(one.annotation) for one in (*node.args.args, *node.args.kwonlyargs) if one.annotation is not None]
            has_classifier = "classifiers.classifier_of" in ast.unparse(node) or "ask: Ask" in ast.unparse(node.args)
            if "ClassifierRef" in given or (has_classifier and "ClassifierVersion" not in given):
                found.append(node.name)
    return found


def test_the_source_check_finds_a_cache_without_the_weights_version():
    assert keyed_without_a_version("@st.cache_data\ndef f(ref: ClassifierRef): pass") == ["f"]
    assert keyed_without_a_version("@st.cache_data(max_size='1MB')\ndef f(ref: str):\n    classifiers.classifier_of(ref)") == ["f"]
    assert not keyed_without_a_version("@st.cache_data\ndef f(version: ClassifierVersion): classifiers.classifier_of(version.ref)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_cache_of_answers_is_keyed_by_the_version_of_the_weights(path):
    assert keyed_without_a_version(path.read_text("utf-8")) == []


def test_a_version_is_another_one_where_the_stamp_is():
    ref = ClassifierRef.parse("imagenet")
    assert ClassifierVersion(ref, 1.0) == ClassifierVersion(ref, 1.0) and hash(ClassifierVersion(ref, 1.0)) == hash(
        ClassifierVersion(ref, 1.0)
    )
    versions = {ClassifierVersion(ref, 1.0), ClassifierVersion(ref, 1.0000001), ClassifierVersion(ClassifierRef.parse("resnet18"), 1.0)}
    assert len(versions) == len({str(one) for one in versions}) == 3
