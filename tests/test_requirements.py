"""The lists of packages agree: what is asked for is pinned, each pin satisfies what is asked, and private parts have an upper bound."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LISTS = ("requirements.txt", "requirements-ray.txt", "tests/requirements.txt")


def requirements(file: str) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


PINS = {}
for written in (ROOT / "constraints.txt").read_text().splitlines():
    name, _equals, version = written.partition("==")
    PINS[canonicalize_name(name)] = version


def test_constraints_are_plain_lines_in_order():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line) for line in lines)
    assert lines == sorted(lines, key=str.lower) and len(PINS) == len(lines)


@pytest.mark.parametrize("one", [one for file in LISTS for one in requirements(file)], ids=str)
def test_what_is_asked_for_is_pinned_to_a_version_that_satisfies_it(one):
    assert one.specifier.contains(Version(PINS[canonicalize_name(one.name)])), one


def imported(module: str) -> bool:
    return any(re.search(rf"^\s*(from|import) {module}", path.read_text(), re.M) for path in (ROOT / "vpc2").rglob("*.py"))


@pytest.mark.parametrize(
    ("package", "private"),
    [
        ("streamlit", r"streamlit\.(runtime|proto|web)"),
        ("kornia", r"kornia\.augmentation\.(container|auto|random_generator)"),
        ("tensorboard", r"tensorboard\.(backend|plugins|compat)"),
    ],
)
def test_a_package_of_which_private_parts_are_used_has_an_upper_bound(package, private):
    (asked,) = [one for one in requirements("requirements.txt") if one.name == package]
    assert imported(private), f"nothing private of {package} is imported any more: the bound may go"
    assert {one.operator for one in asked.specifier} >= {">=", "<"}
