"""Build page, tab Compare: two nets side by side, their totals, the differences layer by layer and their parameters as a chart."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from vpc2 import codec
from vpc2.figures.nets import parameters_comparison_figure
from vpc2.nets.drawing.svg import to_svg
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net
from vpc2.nets.summary.diff import CHANGED, LEFT, RIGHT, SAME, AlignedRow, ComparedLayer, Comparison, NumberPair, compare
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.lessons import PAIRS, lesson_of, note_of
from vpc2.text import Refusal, Text
from vpc2.ui import markdown
from vpc2.ui.build import canvas
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, language, localize, number
from vpc2.ui.widgets.buttons import button

_MINE, _KEPT = "mine", "kept"
_MB = 1_000_000
_MIN_RATIO = 2  # from here on a ratio is shown in place of a percentage
_OPENED = Text("Side by side further down, under Compare: {pair}.")
NamedNet = tuple[str, Net]


def open_linked_pair() -> None:
    """Open the comparison of the pair that `?pair=` names, with a notice on where it is; an unknown name is refused."""
    key = st.query_params.pop("pair", None)
    if not key:
        return
    try:
        pair = PAIRS.find(key)
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
        return
    st.session_state["compare/pair"] = pair.key
    st.session_state["build/tabs"] = _("Compare")
    notices.add_note(_OPENED.fill(pair=pair.title))


def show_published_note(*nets: Net) -> None:
    """Draw the note on preset nets whose numbers are published differently elsewhere, each note once."""
    for note in dict.fromkeys(filter(None, map(note_of, nets))):
        st.info(markdown.escape(localize(note)), icon=":material/menu_book:")


def show_compare(net: Net, summary: Summary) -> None:
    """Draw the comparison of two nets: a preset pair, or the visitor's net with another."""
    choice, rest = st.columns([1, 1], gap="medium", vertical_alignment="bottom")
    key = choice.selectbox(
        _("What to compare"),
        [*PAIRS, _MINE],
        format_func=lambda key: _("My net against another") if key == _MINE else localize(PAIRS[key].title),
        key="compare/pair",
        persist_state="session",
    )
    if key == _MINE:
        with rest:
            left, right = (_("My net"), net), _choose_other(net)
    else:
        pair = PAIRS[key]
        left, right = (localize(pair.left.title), pair.left.net), (localize(pair.right.title), pair.right.net)
    comparison = compare(left[1], right[1])
    if key != _MINE:
        st.markdown(f"**{markdown.escape(localize(lesson_of(PAIRS[key], comparison)))}**")
    show_published_note(left[1], right[1])
    _draw_pictures(comparison, left, right)
    _draw_totals(comparison)
    _draw_layers(comparison)
    _draw_chart(comparison, (left[0], right[0]))


def _choose_other(net: Net) -> NamedNet:
    """Draw the choice of net B: the presets and the stored copy of the visitor's net; return its name and spec."""
    stored = st.session_state.get("compare/kept")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if button(_("Keep my net as B"), icon=":material/bookmark:", key="compare/keep", help=_("To change it and see what changed.")):
            st.session_state["compare/kept"] = stored = codec.to_document(net)
            st.session_state["compare/other"] = _KEPT
        other = st.selectbox(
            _("B"),
            [*([_KEPT] if stored else []), *NETS],
            format_func=lambda key: _("The net I kept") if key == _KEPT else localize(NETS[key].title),
            key="compare/other",
            persist_state="session",
        )
    if other == _KEPT:
        return _("The net I kept"), codec.from_document(stored, "net").spec
    return localize(NETS[other].title), NETS[other].net


def _draw_pictures(comparison: Comparison, left: NamedNet, right: NamedNet) -> None:
    """Draw both nets as volumes, side by side where there is room, each with a button that opens it in the canvas."""
    with st.container(horizontal=True, key="compare/pictures", gap="medium"):
        for letter, (name, net), summary in (("A", left, comparison.left), ("B", right, comparison.right)):
            with st.container(key=f"compare/{letter}", width="content"):
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"### {letter} · {markdown.escape(name)}", width="content")
                    if name != _("My net") and button(
                        _("Open {letter} in Build").format(letter=letter),
                        key=f"compare/open/{letter}",
                        icon=":material/edit:",
                        type="tertiary",
                    ):
                        workspace.save(net, from_outside=True)
                        canvas.clear_selection()
                        st.rerun()
                with st.container(key=f"compare/volumes/{letter}"):
                    _draw_picture(net, summary)
                if summary.problem is not None:
                    st.error(markdown.escape(localize(summary.problem.text)), icon=":material/error:")


def _draw_picture(net: Net, summary: Summary) -> None:
    """Draw a net as volumes, with line colours for the visitor's light or dark theme."""
    is_dark = st.context.theme.type == "dark"
    inks = {"ink": "#D6D3CD", "problem_ink": "#FF8A5C"} if is_dark else {"ink": "#3A3833", "problem_ink": "#B83206"}
    shapes = " → ".join([shape_text(net.input), *(shape_text(facts.output) for facts in summary.layers if facts.params)])
    st.image(to_svg(summary, net.input, language=language(), **inks), alt=_("The net as volumes: {shapes}").format(shapes=shapes))


def _draw_totals(comparison: Comparison) -> None:
    """Draw the table of both nets' totals and the difference of B from A."""
    whole = lambda value: number(value)  # noqa: E731
    rows: list[tuple[str, NumberPair, Callable[[int], str]]] = [
        (_("Parameters"), comparison.params, whole),
        (_("Multiply-adds"), comparison.macs, whole),
        (_("Activations"), comparison.activation_bytes, lambda value: f"{number(value / _MB, ',.3g')} MB"),
        (_("Receptive field"), comparison.field, lambda value: f"{number(value)} px" if value else "—"),
    ]
    st.table(
        {
            _("In all"): [title for title, _total, _format in rows],
            "A": [format_value(total.left) for _title, total, format_value in rows],
            "B": [format_value(total.right) for _title, total, format_value in rows],
            _("B against A"): [_difference_text(total, format_value) for _title, total, format_value in rows],
        },
        border="horizontal",
        hide_index=True,
        alt=_("What both nets cost and see, and by how much B differs from A"),
    )
    st.caption(
        _(
            "Multiply-adds are counted as torchinfo does, a transposed convolution's at its input; the receptive field is that of each "
            "net's last picture, padding included."
        )
    )


def _difference_text(total: NumberPair, format_value: Callable[[int], str]) -> str:
    """Return the difference of the right number from the left: signed, and as a ratio or percentage."""
    if not total.difference:
        return _("the same")
    signed = ("+" if total.difference > 0 else "−") + format_value(abs(total.difference))
    if not total.ratio:  # one of them is 0
        return signed
    times = max(total.ratio, 1 / total.ratio)
    if times >= _MIN_RATIO:
        words = _("{times} times as much") if total.difference > 0 else _("{times} times less")
        return f"{signed} · {words.format(times=number(times, ',.0f' if times >= 100 else ',.3g'))}"
    words = _("{percent} % more") if total.difference > 0 else _("{percent} % less")
    return f"{signed} · {words.format(percent=number(100 * abs(total.ratio - 1), '.2g'))}"


def _draw_layers(comparison: Comparison) -> None:
    """Draw the table of aligned layers, each marked same, changed, only in A or only in B, with a count of each."""
    st.markdown(f"### {_('Layer by layer')}")
    words = {SAME: _("same"), CHANGED: _("changed"), LEFT: _("only in A"), RIGHT: _("only in B")}
    marks = {SAME: "=", CHANGED: "≠", LEFT: "◀", RIGHT: "▶"}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(" · ".join(f"{marks[mark]} {number(comparison.count(mark))} {words[mark]}" for mark in words), width="content")
        is_short = st.toggle(_("Only what differs"), key="compare/short", persist_state="session")
    if comparison.is_outermost:
        st.caption(_("These nets are so long that what blocks hold is left out."))
    rows = [row for row in comparison.rows if not is_short or row.mark != SAME]
    if not rows:
        st.info(_("No layer differs."), icon=":material/check:")
        return
    facts = [(row.left.facts if row.left else None, row.right.facts if row.right else None) for row in rows]
    st.table(
        {
            _("Mark"): [f"{marks[row.mark]} {words[row.mark]}".replace(" ", "\u00a0") for row in rows],
            "A": [_name(row.left) for row in rows],
            "B": [_name(row.right) for row in rows],
            _("What differs"): ["; ".join(map(localize, row.differences)) for row in rows],
            _("Output"): [_pair_text(*pair, lambda layer: shape_text(layer.output)) for pair in facts],
            _("Parameters"): [_pair_text(*pair, lambda layer: number(layer.params)) for pair in facts],
            _("Multiply-adds"): [_pair_text(*pair, lambda layer: number(layer.macs)) for pair in facts],
            _("Receptive field"): [
                _pair_text(*pair, lambda layer: number(layer.receptive_field) if layer.output else "—") for pair in facts
            ],
        },
        border="horizontal",
        hide_index=True,
        alt=_("The layers of both nets in pairs, with what differs"),
    )


def _name(item: ComparedLayer | None) -> str:
    return "—" if item is None else "\u2003" * item.depth + item.facts.name


def _pair_text(left: LayerFacts | None, right: LayerFacts | None, format_value: Callable[[LayerFacts], str]) -> str:
    """Return a value of two aligned layers: once where it is equal, else in bold as A → B."""
    values = list(dict.fromkeys(format_value(facts) for facts in (left, right) if facts is not None))
    return values[0] if len(values) == 1 else f"**{' → '.join(values)}**"


def _draw_chart(comparison: Comparison, names: tuple[str, str]) -> None:
    """Draw the parameters of both nets by layer on one axis, with a sentence on the largest difference."""
    rows = [row for row in comparison.rows if _params(row) != (0, 0)]
    if not rows:
        st.info(_("No layer of these nets has parameters yet."), icon=":material/info:")
        return
    st.markdown(f"### {_('Where the parameters are')}")
    largest = max(rows, key=lambda row: abs(_params(row)[1] - _params(row)[0]))
    gap = _params(largest)[1] - _params(largest)[0]
    finding = (
        _("Both nets have the same parameters in every layer.")
        if not gap
        else _("The largest difference is at {layer}: {n} more in {letter}.").format(
            layer=_names(largest), n=number(abs(gap)), letter="B" if gap > 0 else "A"
        )
    )
    st.markdown(f"**{finding}**")
    left, right = ([_params(row)[side] for row in rows] for side in (0, 1))
    texts = [number(value) if value else "" for value in left], [number(value) if value else "" for value in right]
    figure = parameters_comparison_figure([_label(row) for row in rows], left, right, texts, (f"A · {names[0]}", f"B · {names[1]}"))
    st.plotly_chart(figure, key="compare/chart", alt=finding, config={"displayModeBar": False})


def _params(row: AlignedRow) -> tuple[int, int]:
    return row.left.params if row.left else 0, row.right.params if row.right else 0


def _names(row: AlignedRow) -> str:
    """Return the name of two aligned layers: one name where both share it, else both."""
    return " · ".join(dict.fromkeys(item.facts.name for item in (row.left, row.right) if item))


def _label(row: AlignedRow) -> str:
    return {LEFT: "A: ", RIGHT: "B: "}.get(row.mark, "") + _names(row)
