"""Numbers as both languages write them, held against Babel's tables; and no page writes a percentage by itself."""

import ast
import random
from pathlib import Path

import pytest
from babel.numbers import format_decimal

from vpc2.number_format import write_number, write_percent, write_points
from vpc2.text import Verbatim

ROOT = Path(__file__).parents[1]
LOCALES = {"en": "en_US", "es": "es_AR"}
FILES = sorted([*(ROOT / "vpc2" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "vpc2" / "cli.py"])


@pytest.mark.parametrize("language", LOCALES)
def test_numbers_are_babels(language):
    draw, locale = random.Random(1), LOCALES[language]
    for value in (0, 7, 999, 1_000, 62_378_344, -1_234_567, *(draw.randrange(-(10**9), 10**9) for _ in range(50))):
        assert write_number(value, language) == format_decimal(value, "#,##0", locale)
    for value in (draw.uniform(-5_000, 5_000) for _ in range(50)):
        assert write_number(value, language, ",.2f") == format_decimal(value, "#,##0.00", locale)


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize(("decimals", "pattern"), [(0, "0"), (1, "0.0"), (2, "0.00")])
def test_percentages_are_babels_behind_a_space_that_does_not_break(language, decimals, pattern):
    draw = random.Random(2)
    for share in (0.0, 1.0, *(draw.random() for _ in range(100))):
        wanted = format_decimal(100 * share, pattern, LOCALES[language])
        assert write_points(share, language, decimals) == wanted
        assert write_percent(share, language, decimals) == f"{wanted}\u00a0%"


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0"), (0.0004, "0.0"), (0.031, "3.1"), (0.0949, "9.5"), (0.095, "10"), (0.961, "96"), (1, "100")]
)
def test_a_part_of_a_whole_has_two_digits(share, said):
    assert write_percent(share, "en", None) == f"{said}\u00a0%"
    assert write_percent(share, "es", None) == f"{said.replace('.', ',')}\u00a0%"


def test_a_gain_may_show_its_sign():
    assert write_points(0.026, "en", sign="+") == "+2.6" and write_points(-0.026, "es", sign="+") == "-2,6"


def test_a_sentence_of_a_table_says_a_share_as_a_page_does():
    text = Verbatim("{share:.1%} of {n:,}").fill(share=0.9417, n=3_120)
    assert text.en == "94.2\u00a0% of 3,120" and text.say("es") == "94,2\u00a0% of 3.120"


def hundredths_by_hand(text):
    """Return the lines of a source that multiply by 100 what is then written as a number, or that write a share with `%` themselves."""
    found = []
    for node in ast.walk(ast.parse(text)):
        is_called = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("number", "format", "write_number")
        if is_called and node.args and any(isinstance(one, ast.Constant) and one.value == 100 for one in ast.walk(node.args[0])):
            found.append(node.lineno)
        if (
            isinstance(node, ast.FormattedValue)
            and node.format_spec is not None
            and ast.unparse(node.format_spec).rstrip("'\"").endswith("%")
        ):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "line", ["number(100 * share, '.1f')", "number(-100 * float(a.b), '.0f')", "f'{share:.1%}'", "format(100 * a, '.1f')"]
)
def test_the_source_check_finds_a_percentage_formatted_by_hand(line):
    assert hundredths_by_hand(line) == [1]
    assert not hundredths_by_hand("percent(share)") and not hundredths_by_hand("number(1000 * s, ',.0f')")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_writes_a_share_by_itself(path):
    # Two nets are compared by a ratio, in two digits however small it is: "0.34 % more" is a finding, "0.3 % more" is another one.
    wanted = 1 if path.name == "net_comparison.py" else 0
    assert len(hundredths_by_hand(path.read_text("utf-8"))) == wanted
