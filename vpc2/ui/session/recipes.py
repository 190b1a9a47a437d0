"""Loads a recipe, with its net and pipeline, into the workspace and the Train form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.nets.spec import Net
from vpc2.predict.pretrained.catalog import PRETRAINED
from vpc2.predict.spec import Backbone
from vpc2.training.spec import Recipe
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize

FROM_BUILD, FROM_AUGMENT, NO_PIPELINE = "build", "augment", "none"
BACKBONE_PREFIX = "backbone/"


def _preset_key(table: Any, attribute: str, spec: Any) -> str | None:
    """Return the key of the preset that equals `spec`, or None."""
    digest = codec.digest(spec)
    return next((key for key in table if codec.digest(getattr(table[key], attribute)) == digest), None)


def net_title(net: Net | Backbone) -> str:
    """Return the title of a ready-made or pretrained net in the visitor's language, the name of any other."""
    if isinstance(net, Backbone):
        return localize(PRETRAINED[net.ready].title)
    key = _preset_key(NETS, "net", net)
    return localize(NETS[key].title) if key else net.name or _("a net of your own")


def load_recipe(recipe: Recipe, *, is_start: bool = False) -> None:
    """Load a recipe into the workspace and the Train form.

    The visitor's own net and pipeline are replaced only where the recipe's net or pipeline is no preset. `is_start` says that nobody
    asked for this recipe: what the visitor made, in this session or before a reload, has precedence.
    """
    put = workspace.start_with if is_start else partial(workspace.save, from_outside=True)
    pipeline_key = _preset_key(PIPELINES, "pipeline", recipe.pipeline) if recipe.pipeline is not None else NO_PIPELINE
    if pipeline_key is None:
        put(recipe.pipeline)
    st.session_state[workspace.SOURCES["net"]] = _net_key(recipe.net, put)
    st.session_state[workspace.SOURCES["pipeline"]] = pipeline_key or FROM_AUGMENT
    put(recipe)
    if not is_start:
        for kind in workspace.SOURCES:
            workspace.take_made(kind)  # loaded, not made


def _net_key(net: Any, put: Callable[[Any], None]) -> str:
    if net.KIND == Backbone.KIND:
        return BACKBONE_PREFIX + net.ready
    key = _preset_key(NETS, "net", net)
    if key is None:
        put(net)
    return FROM_BUILD if key is None or codec.digest(net) == codec.digest(workspace.load("net")) else key
