"""The changelog knows the version of the program, and its releases stand in order, each with its date."""

import datetime
import re
from pathlib import Path

from packaging.version import Version

from vpc2.version import VERSION

HEADINGS = re.findall(r"^## (.*)$", (Path(__file__).parents[1] / "CHANGELOG.md").read_text(), re.M)


def test_releases_are_dated_and_newest_first():
    found = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", heading) for heading in HEADINGS if heading != "Unreleased"]
    assert all(found) and len(found) >= 8
    versions = [Version(one[1]) for one in found]
    dates = [datetime.date.fromisoformat(one[2]) for one in found]
    assert versions == sorted(set(versions), reverse=True) and dates == sorted(dates, reverse=True)


def test_the_newest_release_is_the_version_of_the_program():
    assert next(heading for heading in HEADINGS if heading != "Unreleased").startswith(f"{VERSION} - ")
