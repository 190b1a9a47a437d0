"""Build page, inspector: the selected layer's knobs, limited to values that fit, its formulas with the current numbers, and repairs."""

from __future__ import annotations

import re

import streamlit as st

from vpc2.figures.nets import border_svg
from vpc2.knobs import Pair
from vpc2.nets import spec as nets
from vpc2.nets.layers import formula_texts as words
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import SYMBOLS, Formula, symbols_in
from vpc2.nets.spec import Net
from vpc2.nets.summary.knob_limits import fitting_values
from vpc2.nets.summary.layer_summary import LayerFacts, Problem, Summary, dropped_border
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Plural, Text, join_texts
from vpc2.ui import markdown
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number
from vpc2.ui.widgets import page_frame
from vpc2.ui.widgets.buttons import button
from vpc2.ui.widgets.knob_input import show_knob

_ROWS, _COLUMNS = Plural("{n:,} row", "{n:,} rows"), Plural("{n:,} column", "{n:,} columns")
_AND = Text(" and ")
_UNSEEN = Text("The stride does not divide: it does not look at {what} at the end of {height:,} × {width:,}.")
_COST = (words.PARAMS, words.MACS, words.MEMORY)
_SEEN = (words.FIELD, words.JUMP, words.CENTRE)


def show_inspector(net: Net, summary: Summary, chosen: str | None) -> Net:
    """Draw one layer's knobs, formulas and repairs; return the edited net."""
    facts = summary.find(chosen)
    if facts is None:
        st.info(_("Choose a layer above, or add one: its numbers appear here."), icon=":material/touch_app:")
        return net
    with st.container(border=True, key="inspector"):
        knobs, numbers = st.columns([1, 1.25], gap="medium")
        with knobs:
            _draw_title(facts)
            if net.has(facts.id):
                net = _draw_knobs(net, facts)
                facts = summarise(net).facts(facts.id)
            else:
                st.caption(_("This layer follows from its block and the shapes around it; it is not set by hand."))
        with numbers:
            _draw_numbers(net, facts)
    return net


def _draw_title(facts: LayerFacts) -> None:
    entry = LAYERS[facts.kind]
    flow = f"{shape_text(facts.input)} → {shape_text(facts.output)}" if facts.input else ""
    st.markdown(f"**{localize(entry.title)}** :gray[{markdown.escape(facts.name)}]  {flow}")
    st.caption(localize(entry.help))


def _draw_knobs(net: Net, facts: LayerFacts) -> Net:
    entry, params = LAYERS[facts.kind], facts.layer.params
    pairs = [knob.key for knob in entry.knobs if isinstance(knob, Pair)]
    is_apart = any(isinstance(params[key], list) for key in pairs)
    if pairs:
        key = workspace.key("net", facts.id, facts.kind, "apart")
        is_apart_now = st.toggle(_("Height and width apart"), value=is_apart or bool(st.session_state.get(key)), key=key)
        if is_apart and not is_apart_now:
            for name in pairs:
                if isinstance(params[name], list):
                    net = nets.edit_param(net, facts.id, name, params[name][0])
            workspace.save(net, from_outside=True)
            st.rerun()
        is_apart = is_apart_now
    reach = fitting_values(facts.kind, params, facts.input) if facts.input else {}
    grid = st.grid("auto", min_column_width=190, gap="small")
    for knob in entry.knobs:
        with grid.cell():
            value = show_knob(
                knob,
                params[knob.key],
                key=workspace.key("net", facts.id, facts.kind, knob.key),
                reach=reach.get(knob.key),
                is_apart=is_apart,
            )
        if value != params[knob.key]:
            net = nets.edit_param(net, facts.id, knob.key, value)
    return net


def _draw_numbers(net: Net, facts: LayerFacts) -> None:
    """Draw the layer's formulas; for a layer that does not fit, the problem and its repairs; for one behind a problem, that problem."""
    if facts.problem is not None:
        _draw_problem(net, facts, facts.problem)
    elif facts.output is None:
        problem = summarise(net).problem
        st.info(_("The net does not get this far yet."), icon=":material/block:")
        if problem is not None:
            st.markdown(markdown.escape(localize(problem.text)))
    elif facts.branches:
        _draw_block(facts)
    else:
        _draw_formulas(facts.formulas)
        _draw_border(facts)


def _draw_block(facts: LayerFacts) -> None:
    """Draw the totals of a block: layers, parameters, multiply-adds, formulas, receptive field."""
    grid = st.grid(3, min_column_width=120, gap="small")
    grid.metric(_("Layers inside"), number(facts.count))
    grid.metric(_("Parameters"), number(facts.params))
    grid.metric(_("Multiply-adds"), number(facts.macs))
    _draw_formulas(facts.formulas)
    axis = max(facts.field_axes, key=lambda axis: axis.size)
    st.markdown(
        _("One unit behind this block sees {field} px of the input; its neighbour looks {jump} px further on.").format(
            field=number(facts.receptive_field), jump=number(float(axis.jump), ",.3g")
        )
    )


def _draw_formulas(formulas: tuple[Formula, ...]) -> None:
    """Draw each formula in symbols and with the current numbers, in three groups: output, cost, receptive field."""
    groups = {
        _("What comes out"): [formula for formula in formulas if formula.quantity not in (*_COST, *_SEEN)],
        _("What it costs"): [formula for formula in formulas if formula.quantity in _COST],
        _("What one unit sees"): [formula for formula in formulas if formula.quantity in _SEEN],
    }
    for title, group in groups.items():
        if group:
            st.markdown("  \n".join([f":gray[**{title}**]", *map(_formula_markdown, group)]))
    if symbols := symbols_in(" ".join(formula.symbolic for formula in formulas)):
        st.caption(", ".join(f"${symbol}$: {localize(SYMBOLS[symbol])}" for symbol in symbols))


def _formula_markdown(formula: Formula) -> str:
    result = number(formula.result, "," if isinstance(formula.result, int) else ",.6g").replace(",", "{,}").replace(".", "{.}")
    numbers = f"{to_latex(formula.numeric)} = " if formula.numeric != str(formula.result) else ""
    return f"{localize(formula.quantity)}: ${to_latex(formula.symbolic)} = {numbers}\\mathbf{{{result}}}$"


def to_latex(formula: str) -> str:
    """Return a plain formula as LaTeX: floor and ceil as brackets around a fraction, `*` as a times sign, `n_C1` with indices."""
    formula = re.sub(r"\b([a-z])_([A-Za-z])(\d+)\b", r"\1_{\2_{\3}}", formula)
    formula = re.sub(r"\b([a-z])(\d+)\b", r"\1_{\2}", formula)
    formula = re.sub(r"(floor|ceil)\((\(.*\))/(\w+)\)", lambda m: f"\\l{m[1]}\\frac{{{m[2][1:-1]}}}{{{m[3]}}}\\r{m[1]}", formula)
    return (
        formula.replace("*", r" \times ")
        .replace(r"\lfloor", r"\left\lfloor")
        .replace(r"\rfloor", r"\right\rfloor")
        .replace(r"\lceil", r"\left\lceil")
        .replace(r"\rceil", r"\right\rceil")
    )


def _draw_border(facts: LayerFacts) -> None:
    """Show the rows and columns at the end of the input that no window reaches, where the stride does not divide."""
    rows, columns = dropped_border(facts)
    if facts.input is None or (not rows and not columns):
        return
    what = join_texts([plural.fill(n=n) for plural, n in ((_ROWS, rows), (_COLUMNS, columns)) if n], localize(_AND))
    sentence = localize(_UNSEEN.fill(what=what, height=facts.input[1], width=facts.input[2]))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(border_svg(facts.input[1], facts.input[2], rows, columns), alt=sentence, width=72)
        st.markdown(sentence)


def _draw_problem(net: Net, facts: LayerFacts, problem: Problem) -> None:
    st.error(markdown.escape(localize(problem.text)), icon=":material/error:")
    with st.container(horizontal=True):
        for i, repair in enumerate(problem.repairs):
            if button(localize(repair.title), key=f"repair/{facts.id}/{i}", icon=":material/build:"):
                repaired = page_frame.show_or_refuse(repair.apply, net)
                if repaired is not None:
                    workspace.save(repaired, from_outside=True)
                    st.rerun()
