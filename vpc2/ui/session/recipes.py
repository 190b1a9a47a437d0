"""Loads a recipe, with its net and pipeline, into the workspace and the Train form."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.presets import PIPELINES
from vpc2.nets.presets import NETS
from vpc2.predict.spec import Backbone
from vpc2.training.spec import Recipe
from vpc2.ui.session import workspace

FROM_BUILD, FROM_AUGMENT, NO_PIPELINE = "build", "augment", "none"
BACKBONE_PREFIX = "backbone/"


def _preset_key(table: Any, attribute: str, spec: Any) -> str | None:
    """Return the key of the preset that equals `spec`, or None."""
    digest = codec.digest(spec)
    return next((key for key in table if codec.digest(getattr(table[key], attribute)) == digest), None)


def load_recipe(recipe: Recipe) -> None:
    """Load a recipe into the workspace and the Train form.

    The visitor's own net and pipeline are replaced only where the recipe's net or pipeline is no preset.
    """
    pipeline_key = _preset_key(PIPELINES, "pipeline", recipe.pipeline) if recipe.pipeline is not None else NO_PIPELINE
    if pipeline_key is None:
        workspace.save(recipe.pipeline, from_outside=True)
    st.session_state["train/net"] = _net_key(recipe.net)
    st.session_state["train/pipeline"] = pipeline_key or FROM_AUGMENT
    workspace.save(recipe, from_outside=True)


def _net_key(net: Any) -> str:
    if net.KIND == Backbone.KIND:
        return BACKBONE_PREFIX + net.ready
    key = _preset_key(NETS, "net", net)
    if key is None:
        workspace.save(net, from_outside=True)
    return FROM_BUILD if key is None or codec.digest(net) == codec.digest(workspace.load("net")) else key
