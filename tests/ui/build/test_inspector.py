"""The formulas of a layer on the page: LaTeX, and the letters that they use explained in both languages."""

import pytest
from streamlit.testing.v1 import AppTest

from vpc2.ui.build.inspector import to_latex


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        ("floor((n - f + 2*p)/s) + 1", r"\left\lfloor\frac{n - f + 2 \times p}{s}\right\rfloor + 1"),
        ("f*f*n_C*n_f + n_f", r"f \times f \times n_C \times n_f + n_f"),
        ("n_C1 + n_C2", "n_{C_{1}} + n_{C_{2}}"),
        ("n1 + n2", "n_{1} + n_{2}"),
    ],
)
def test_formulas_become_latex(formula, latex):
    assert to_latex(formula) == latex


def _formulas(lang: str) -> None:
    from unittest.mock import patch

    from vpc2.nets.spec import make_net
    from vpc2.nets.summary.summarise import summarise
    from vpc2.ui.build import inspector
    from vpc2.ui.session import i18n

    facts = summarise(make_net("", (3, 32, 32), ("Conv2d", {"out_channels": 16, "kernel_size": 5}))).layers[0]
    with patch.object(i18n, "language", lambda: lang):
        inspector._draw_formulas(facts.formulas)


@pytest.mark.parametrize(
    ("lang", "letters"),
    [
        ("en", "$f$: side of the filter, $p$: padding, $s$: stride, $n_f$: filters, $n_C$: channels that come in"),
        ("es", "$f$: lado del filtro, $p$: relleno, $s$: paso, $n_f$: filtros, $n_C$: canales que entran"),
    ],
)
def test_the_letters_are_explained_in_both_languages(lang, letters):
    at = AppTest.from_function(_formulas, args=(lang,)).run()
    assert not at.exception
    assert letters in at.caption[0].value
