"""Fail where a compiled catalog (.mo) does not say what the written one (.po) says: pybabel compile -d assets/locale -D vpc2."""

import sys
from pathlib import Path

from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parents[1] / "assets" / "locale"


def translations(path: Path) -> dict[tuple, str | tuple]:
    """Return what a catalog says: (context, message or its singular and plural) to the translation. Fuzzy ones are not compiled."""
    read = read_mo if path.suffix == ".mo" else read_po
    with path.open("rb") as file:
        catalog = read(file)
    return {(one.context, one.id): one.string for one in catalog if one.id and one.string and not one.fuzzy}


def main() -> int:
    """Compare every pair of files; return 1 and say which message differs first."""
    written = sorted(LOCALES.rglob("*.po"))
    if not written:
        print(f"no catalog in {LOCALES}")
        return 1
    for po in written:
        mo = po.with_suffix(".mo")
        if not mo.exists():
            print(f"{mo.relative_to(LOCALES)} is missing: pybabel compile -d assets/locale -D vpc2")
            return 1
        said, compiled = translations(po), translations(mo)
        for key in [*said, *compiled]:
            if said.get(key) != compiled.get(key):
                print(f"{mo.relative_to(LOCALES)} is not compiled from {po.name}: {key[1]!r}. pybabel compile -d assets/locale -D vpc2")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
