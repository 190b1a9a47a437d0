"""The Build page's comparison: two nets side by side, what differs marked in words, and where their parameters are."""

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
from vpc2.ui.session.i18n import _, language, number, say
from vpc2.ui.widgets.buttons import button

_MINE, _KEPT = "mine", "kept"
_MB = 1_000_000
_OFTEN = 2  # from twice as much on, a ratio says more than a percentage
_OPENED = Text("Side by side further down, under Compare: {pair}.")
Named = tuple[str, Net]


def open_pair() -> None:
    """Open the comparison of the pair that `?pair=` names, and say where it stands; a name that no pair has is refused."""
    key = st.query_params.pop("pair", None)
    if not key:
        return
    try:
        pair = PAIRS.find(key)
    except Refusal as refusal:
        notices.remember_note(refusal.text, "error")
        return
    st.session_state["compare/pair"] = pair.key
    st.session_state["build/tabs"] = _("Compare")
    notices.remember_note(_OPENED.fill(pair=pair.title))


def draw_note(*nets: Net) -> None:
    """Say what is to be said of ready nets that others print differently, once."""
    for note in dict.fromkeys(filter(None, map(note_of, nets))):
        st.info(markdown.literal(say(note)), icon=":material/menu_book:")


def draw_compare(net: Net, summary: Summary) -> None:
    """Draw two nets side by side: a ready pair, or the visitor's own net against another."""
    choice, rest = st.columns([1, 1], gap="medium", vertical_alignment="bottom")
    key = choice.selectbox(
        _("What to compare"),
        [*PAIRS, _MINE],
        format_func=lambda key: _("My net against another") if key == _MINE else say(PAIRS[key].title),
        key="compare/pair",
        persist_state="session",
    )
    if key == _MINE:
        with rest:
            left, right = (_("My net"), net), _choose_other(net)
    else:
        pair = PAIRS[key]
        left, right = (say(pair.left.title), pair.left.net), (say(pair.right.title), pair.right.net)
    comparison = compare(left[1], right[1])
    if key != _MINE:
        st.markdown(f"**{markdown.literal(say(lesson_of(PAIRS[key], comparison)))}**")
    draw_note(left[1], right[1])
    _draw_pictures(comparison, left, right)
    _draw_totals(comparison)
    _draw_layers(comparison)
    _draw_chart(comparison, (left[0], right[0]))


def _choose_other(net: Net) -> Named:
    """Offer the ready nets, and the net that was kept; return the chosen one with its name."""
    kept = st.session_state.get("compare/kept")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if button(_("Keep my net as B"), icon=":material/bookmark:", key="compare/keep", help=_("To change it and see what changed.")):
            st.session_state["compare/kept"] = kept = codec.to_document(net)
            st.session_state["compare/other"] = _KEPT
        other = st.selectbox(
            _("B"),
            [*([_KEPT] if kept else []), *NETS],
            format_func=lambda key: _("The net I kept") if key == _KEPT else say(NETS[key].title),
            key="compare/other",
            persist_state="session",
        )
    if other == _KEPT:
        return _("The net I kept"), codec.from_document(kept, "net").spec
    return say(NETS[other].title), NETS[other].net


def _draw_pictures(comparison: Comparison, left: Named, right: Named) -> None:
    """Draw both nets as volumes, side by side where there is room, each with a way to the page's own place."""
    with st.container(horizontal=True, key="compare/pictures", gap="medium"):
        for letter, (name, net), summary in (("A", left, comparison.left), ("B", right, comparison.right)):
            with st.container(key=f"compare/{letter}", width="content"):
                with st.container(horizontal=True, vertical_alignment="center"):
                    st.markdown(f"### {letter} · {markdown.literal(name)}", width="content")
                    if name != _("My net") and button(
                        _("Open {letter} in Build").format(letter=letter),
                        key=f"compare/open/{letter}",
                        icon=":material/edit:",
                        type="tertiary",
                    ):
                        workspace.save(net, from_outside=True)
                        canvas.forget()
                        st.rerun()
                with st.container(key=f"compare/volumes/{letter}"):
                    _draw_picture(net, summary)
                if summary.problem is not None:
                    st.error(markdown.literal(say(summary.problem.text)), icon=":material/error:")


def _draw_picture(net: Net, summary: Summary) -> None:
    """Draw a net as volumes in the ink of the visitor's theme."""
    is_dark = st.context.theme.type == "dark"
    inks = {"ink": "#D6D3CD", "problem_ink": "#FF8A5C"} if is_dark else {"ink": "#3A3833", "problem_ink": "#B83206"}
    said = " → ".join([shape_text(net.input), *(shape_text(facts.output) for facts in summary.layers if facts.params)])
    st.image(to_svg(summary, net.input, language=language(), **inks), alt=_("The net as volumes: {shapes}").format(shapes=said))


def _draw_totals(comparison: Comparison) -> None:
    """Draw what both nets come to, and by how much B differs."""
    whole = lambda value: number(value)  # noqa: E731
    rows: list[tuple[str, NumberPair, Callable[[int], str]]] = [
        (_("Parameters"), comparison.params, whole),
        (_("Multiply-adds"), comparison.macs, whole),
        (_("Activations"), comparison.activation_bytes, lambda value: f"{number(value / _MB, ',.3g')} MB"),
        (_("Receptive field"), comparison.field, lambda value: f"{number(value)} px" if value else "—"),
    ]
    st.table(
        {
            _("In all"): [title for title, _total, _written in rows],
            "A": [written(total.left) for _title, total, written in rows],
            "B": [written(total.right) for _title, total, written in rows],
            _("B against A"): [_against(total, written) for _title, total, written in rows],
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


def _against(total: NumberPair, written: Callable[[int], str]) -> str:
    """Say by how much the right number differs from the left, with its sign and in words."""
    if not total.difference:
        return _("the same")
    signed = ("+" if total.difference > 0 else "−") + written(abs(total.difference))
    if not total.ratio:  # one of them is 0
        return signed
    times = max(total.ratio, 1 / total.ratio)
    if times >= _OFTEN:
        words = _("{times} times as much") if total.difference > 0 else _("{times} times less")
        return f"{signed} · {words.format(times=number(times, ',.0f' if times >= 100 else ',.3g'))}"
    words = _("{percent} % more") if total.difference > 0 else _("{percent} % less")
    return f"{signed} · {words.format(percent=number(100 * abs(total.ratio - 1), '.2g'))}"


def _draw_layers(comparison: Comparison) -> None:
    """Draw the aligned layers, each marked with a sign and a word, and say how many differ."""
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
            _("What differs"): ["; ".join(map(say, row.differences)) for row in rows],
            _("Output"): [_both(*pair, lambda one: shape_text(one.output)) for pair in facts],
            _("Parameters"): [_both(*pair, lambda one: number(one.params)) for pair in facts],
            _("Multiply-adds"): [_both(*pair, lambda one: number(one.macs)) for pair in facts],
            _("Receptive field"): [_both(*pair, lambda one: number(one.receptive_field) if one.output else "—") for pair in facts],
        },
        border="horizontal",
        hide_index=True,
        alt=_("The layers of both nets in pairs, with what differs"),
    )


def _name(item: ComparedLayer | None) -> str:
    return "—" if item is None else "\u2003" * item.depth + item.facts.name


def _both(left: LayerFacts | None, right: LayerFacts | None, written: Callable[[LayerFacts], str]) -> str:
    """Return a number of a pair of layers: once where both share it, in bold from A to B where they do not."""
    found = list(dict.fromkeys(written(one) for one in (left, right) if one is not None))
    return found[0] if len(found) == 1 else f"**{' → '.join(found)}**"


def _draw_chart(comparison: Comparison, names: tuple[str, str]) -> None:
    """Draw where the parameters of both nets are, on one axis, and say the finding."""
    rows = [row for row in comparison.rows if _params(row) != (0, 0)]
    if not rows:
        st.info(_("No layer of these nets has parameters yet."), icon=":material/info:")
        return
    st.markdown(f"### {_('Where the parameters are')}")
    most = max(rows, key=lambda row: abs(_params(row)[1] - _params(row)[0]))
    gap = _params(most)[1] - _params(most)[0]
    finding = (
        _("Both nets have the same parameters in every layer.")
        if not gap
        else _("The largest difference is at {layer}: {n} more in {letter}.").format(
            layer=_names(most), n=number(abs(gap)), letter="B" if gap > 0 else "A"
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
    """Return what a pair of layers is called: one name where both share it."""
    return " · ".join(dict.fromkeys(item.facts.name for item in (row.left, row.right) if item))


def _label(row: AlignedRow) -> str:
    return {LEFT: "A: ", RIGHT: "B: "}.get(row.mark, "") + _names(row)
