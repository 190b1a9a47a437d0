"""Augment page, tab Safe?, by strength: label survival against the strength of one step, and where it falls below a threshold."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2.augment.label_survival import MAX_CHANGED_SHARE, RULE, Survival, find_drop
from vpc2.augment.operations.catalog import OPS
from vpc2.augment.spec import Pipeline, Step, edit_solo
from vpc2.augment.strength import edit_strengths, strengths_of
from vpc2.figures.augment import strength_figure
from vpc2.knobs import Knob, Span
from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.ui import markdown
from vpc2.ui.computed import augmented, classifiers, label_survival
from vpc2.ui.computed.label_survival import Photo
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number, percent

DRAWS = (24, 48, 96)
LINE = round(100 * (1 - MAX_CHANGED_SHARE))  # default threshold in %, the one of the verdict
CONTROL_PX = 155  # two controls side by side fit on a phone


def show_survival_by_strength(pipeline: Pipeline, photos: list[Photo], ref: ClassifierRef) -> None:
    """Draw the controls and the curve of survival against strength, for one photograph or for images of the chosen test set."""
    steps = {step.id: step for step in pipeline.steps if step.on and strengths_of(OPS[step.op])}
    sources: dict[str, Photo | None] = {"test": None} if classifiers.has_dataset(ref) else {}
    sources |= {photo["digest"]: photo for photo in photos}
    if not steps:
        st.info(_("No step of this pipeline has a strength to vary: add one on the left."), icon=":material/info:")
        return
    if not sources:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="strength-controls"):
        confident = (
            i
            for i, candidate in enumerate(sources.values())
            if candidate is None or label_survival.uncertainty_note(ref, candidate) is None
        )
        source = st.selectbox(
            _("Pictures"),
            list(sources),
            index=next(confident, 0),
            format_func=lambda key: _("the test set") if (chosen := sources[key]) is None else chosen["name"],
            key=f"safety/source/{'-'.join(sources)[:200]}",
            width=CONTROL_PX,
        )
        photo = sources[source]
        unsure = label_survival.uncertainty_note(ref, photo) if photo is not None else None
        first = _first_step(pipeline, steps, photo, ref)
        step = steps[
            st.selectbox(
                _("Step"),
                list(steps),
                index=list(steps).index(first),
                format_func=lambda key: localize(OPS[steps[key].op].title),
                key=workspace.key("pipeline", "strength", first, *steps),
                width=CONTROL_PX,
            )
        ]
        knobs = list(strengths_of(OPS[step.op]))
        knob = OPS[step.op].knob(
            st.selectbox(
                _("Strength"),
                knobs,
                format_func=lambda key: localize(OPS[step.op].knob(key).title),
                key=workspace.key("pipeline", "knob", step.op),
                width=CONTROL_PX,
            )
        )
        line = (
            st.slider(_("Line (%)"), 50, 95, LINE, 5, key="safety/line", width=CONTROL_PX, persist_state="session", help=localize(RULE))
            / 100
        )
        draws = DRAWS[0]
        if photo is not None:
            draws = st.segmented_control(_("Draws"), DRAWS, default=DRAWS[0], required=True, key="safety/draws", persist_state="session")
    if unsure is not None:
        st.info(unsure, icon=":material/help:")
        return
    _draw_sweep(pipeline, step, knob, photo, ref, line, draws)


def _first_step(pipeline: Pipeline, steps: dict[str, Step], photo: Photo | None, ref: ClassifierRef) -> str:
    """Return the id of the step whose card is selected, else of the step that alone has the lowest survival."""
    chosen = st.session_state.get("pipeline/selected")
    likely = [key for key in steps if OPS[steps[key].op].strengths] or list(steps)  # a probability p says less than an angle
    if chosen in steps or len(likely) == 1:
        return chosen if chosen in steps else likely[0]
    with st.spinner(_("Asking about each step alone…")):
        return min(likely, key=lambda key: label_survival.survival_of(edit_solo(pipeline, key), ref, photo, DRAWS[0]).share)


def _draw_sweep(pipeline: Pipeline, step: Step, knob: Knob, photo: Photo | None, ref: ClassifierRef, line: float, draws: int) -> None:
    sweep, survivals, place = edit_strengths(pipeline, step.id, knob.key), [], st.empty()
    for i, (_value, stronger) in enumerate(sweep):
        place.progress(i / len(sweep), text=_("Asking at {n} strengths…").format(n=len(sweep)))
        survivals.append(label_survival.survival_of(stronger, ref, photo, draws))
    strengths = [_strength_text(knob, value) for value, _pipeline in sweep]
    summary = _fall_text(strengths, survivals, line)
    with place.container():
        st.markdown(f"**{summary}**")
        figure = strength_figure(
            strengths,
            [s.share for s in survivals],
            [s.low for s in survivals],
            [s.high for s in survivals],
            line,
            y_title=_("keep the answer"),
        )
        st.plotly_chart(figure, key="safety/strength", alt=summary, config={"displayModeBar": False})
        notes = [
            _("{n} draws a strength; only “{step}” changes.").format(n=number(survivals[0].n), step=localize(OPS[step.op].title)),
            _("It is applied in every draw.") if knob.key != "p" else "",
            _("The band is the 95 % interval; the strength named is the first tested whose whole interval lies under the line."),
        ]
        st.caption(" ".join(filter(None, notes)))
    if photo is not None:
        _draw_tiles(sweep, strengths, survivals, photo, ref)


def _draw_tiles(sweep: list, strengths: list[str], survivals: list[Survival], photo: Photo, ref: ClassifierRef) -> None:
    """Draw the first draw at every strength with its prediction."""
    classes, label = classifiers.classifier_of(ref).classes, label_survival.predict_unaugmented(ref, photo)[0]
    grid = st.grid("auto", min_column_width=120, gap="small")
    for i, ((_value, stronger), strength, survival) in enumerate(zip(sweep, strengths, survivals, strict=True)):
        picture, answer = augmented.augmented_draws(stronger, photo, 1, label_survival.SIDE_PX)["pictures"][0], survival.answers[0]
        with grid.cell(), st.container(key=f"tile-strength-{i}", gap="xxsmall"):
            st.image(picture, alt=f"{strength}: {classes[answer]}", width="stretch")
            verdict = f":green[:material/check: {_('kept')}]" if answer == label else f":orange[:material/close: {_('lost')}]"
            st.caption(
                f"**{markdown.escape(strength)}**  \n{markdown.escape(classes[answer])} {percent(survival.certainty[0])}  \n{verdict}"
            )


def _strength_text(knob: Knob, value: Any) -> str:
    """Return a strength as text: ±45°, 0.5 … 1, 12 px; None stands for the pipeline without the step."""
    if value is None:
        return _("without it")
    unit = knob.unit if knob.unit in ("", "°") else f" {knob.unit}"
    if isinstance(knob, Span) and value[0] == -value[1]:
        return f"±{number(value[1], '.3g')}{unit}"
    return " … ".join(number(part, ".3g") for part in (value if isinstance(value, list) else [value])) + unit


def _fall_text(strengths: list[str], survivals: list[Survival], line: float) -> str:
    """Return a sentence on where survival falls below the threshold `line` (a share); only tested strengths are named."""
    fall, threshold = find_drop(survivals, line), percent(line, 0)
    if fall.sure == 0:
        return _("Already without this step, fewer than {line} of draws keep the answer: something else breaks it.").format(line=threshold)
    if fall.sure is not None:
        template = (
            _("From {strength} on, fewer than {line} of draws keep the answer.")
            if fall.stays
            else _("At {strength}, fewer than {line} of draws keep the answer, though not at every larger strength.")
        )
        sentence = template.format(strength=strengths[fall.sure], line=threshold)
        if fall.counted is not None and fall.counted != fall.sure:
            sentence += " " + _("The count is under the line at {strength} already, but its interval still reaches over it.").format(
                strength=strengths[fall.counted]
            )
        return sentence
    if fall.counted is not None:
        return _("Not enough draws to tell: the count is under {line} first at {strength}, but its interval reaches over the line.").format(
            line=threshold, strength=strengths[fall.counted]
        )
    if fall.is_clear:
        return _("Never within its limits: at every strength tested, at least {line} of draws keep the answer.").format(line=threshold)
    return _("Not enough draws to tell: no count is under {line}, but some intervals reach below it.").format(line=threshold)
