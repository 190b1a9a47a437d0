"""A scratch page for the components' tests: a list of cards beside the curves of one run."""

import streamlit as st

from vpc2.ui.components.card_list import card_list
from vpc2.ui.components.live_curves import live_curves
from vpc2.ui.components.live_snapshot import live_snapshot

HOSTILE = "<img src=x onerror=\"document.title='hacked'\">"
START = [("a", "Flip", "p 0.5"), ("b", "Rotate", "−15 … 15 ° · p 0.5"), ("c", HOSTILE, "σ 2 px"), ("d", "Brightness", "0.8 … 1.2")]


def draw() -> None:
    st.set_page_config(layout="wide")
    ss = st.session_state
    if "shown" not in ss:
        hues = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
        ss.shown = [
            {"id": id_, "name": name, "meta": meta, "on": True, "colour": hue} for (id_, name, meta), hue in zip(START, hues, strict=True)
        ]
        ss.log, ss.selected = [], "a"
    left, right = st.columns([1, 2])
    with left:
        refuse = st.checkbox("Refuse changes")
        change = card_list(ss.shown, key="cards", selected=ss.selected)
        if change is not None:
            ss.log.append(change.kind)
            if not refuse:
                by_id = {item["id"]: item for item in ss.shown}
                if change.kind == "order":
                    ss.shown = [by_id[id_] for id_ in change.order]
                elif change.kind == "remove":
                    ss.shown = [item for item in ss.shown if item["id"] != change.id]
                elif change.kind == "duplicate":
                    at = [item["id"] for item in ss.shown].index(change.id)
                    ss.shown = [*ss.shown[: at + 1], {**by_id[change.id], "id": f"x{len(ss.log)}"}, *ss.shown[at + 1 :]]
                elif change.kind == "toggle":
                    ss.shown = [{**item, "on": not item["on"]} if item["id"] == change.id else item for item in ss.shown]
                else:
                    ss.selected = change.id
            st.rerun()
        st.text("order: " + ",".join(item["id"] for item in ss.shown))
        st.text("log: " + ",".join(ss.log))
        st.text(f"selected: {ss.selected}")
    with right:
        if "run" in st.query_params:
            named = st.query_params["run"].split(" ")
            live_curves([{"id": run, "label": f"Run {i}" if i else "A run"} for i, run in enumerate(named)], key="curves")
        if "view" in st.query_params:
            st.text(f"drawn {ss.setdefault('drawn', 0) + 1} times")
            live_snapshot(st.query_params["of"], st.query_params["view"], key="look")


draw()
