"""One literal in one table, with its function beside it where one is needed: a throw-away entry of each kind does all that the app does.

The entry is added while the test runs; nothing else is told of it. It is offered in the form, drawn by its page, trained with for some
steps, written into a script that is executed, sent as a link, and read back. The tests stand in `test_throw_away_*.py`, a file a room.
"""

import importlib
from pathlib import Path

from tests.laws.catalogs import entries
from tests.laws.throw_away import KINDS


def test_every_kind_of_every_catalog_is_thrown_away_once():
    for path in sorted(Path(__file__).parent.glob("test_throw_away_*.py")):
        importlib.import_module(f"tests.laws.{path.stem}")
    assert {(name, type(entry)) for name, entry in entries()} == KINDS.keys()
