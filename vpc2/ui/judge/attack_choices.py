"""Judge page, tab Attacks: the choice of target class and helpers shared by its views."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from vpc2.predict.classifier_ref import ClassifierRef
from vpc2.text import Text
from vpc2.ui import markdown
from vpc2.ui.computed import classifiers
from vpc2.ui.session.i18n import _, percent

SOME_PICTURES = 120
Photo = dict[str, Any]

NO_OTHERS = Text("There are too few test pictures of other classes: choose another target.")


def is_requested(kind: str, parameters: tuple, is_pressed: bool) -> bool:
    """True if the visitor has requested this computation (now or earlier): its result then stays on the page when other widgets change."""
    requested, key = st.session_state.setdefault(f"attack/asked/{kind}", set()), tuple(map(str, parameters))
    if is_pressed:
        requested.add(key)
    return key in requested


def choose_target(ref: ClassifierRef, key: str, has_none: bool = True) -> int | None:
    classes = classifiers.classifier_of(ref).classes
    return st.selectbox(
        _("Turn this picture into"),
        range(len(classes)),
        index=None if has_none else min(859, len(classes) - 1),  # the toaster of ImageNet, as in the paper
        format_func=lambda i: classes[i],
        placeholder=_("anything else"),
        key=f"attack/{key}/{ref}",
    )


def prediction_text(shares: np.ndarray, classes: tuple[str, ...]) -> str:
    best = int(shares.argmax())
    return f"**{markdown.escape(classes[best])}** {percent(shares[best])}"
