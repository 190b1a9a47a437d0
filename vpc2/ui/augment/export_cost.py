"""Augment page, tab Take home: the table that compares online with offline augmentation (images an epoch, disk space, time)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.augment.spec import Pipeline
from vpc2.system.host import MB
from vpc2.ui.computed import augmented
from vpc2.ui.session.i18n import _, number

EPOCHS = 10


def measure_export(pipeline: Pipeline, content_key: tuple, items: list[Any], layout: str) -> Any:
    """Return the `Cost` of augmenting a data set, measured on a few draws of its images.

    `content_key` identifies the items in the cache.
    """
    from vpc2.augment.export.cost import Cost

    with st.spinner(_("Measuring a few draws…")):
        return Cost(**_measure_export(augmented.token_of(pipeline), repr(content_key), layout, items))


@st.cache_data(max_size="4MB", show_spinner=False)
def _measure_export(token: str, content_key: str, layout: str, _items: list[Any]) -> dict[str, Any]:
    from vpc2.augment.export.cost import measure_cost
    from vpc2.images.decode import decode_photo
    from vpc2.images.encode import to_jpeg

    with augmented.computation_slot():
        pipeline = codec.from_token(token, "pipeline").spec
        return asdict(measure_cost(pipeline, _items, to_jpeg, decode_photo, draws=EPOCHS, layout=layout))


def show_comparison(cost: Any, pictures: int, draws: int, written: dict[str, Any] | None) -> None:
    """Draw the table. Where the ZIP is `written` (`data`, `s`), its real size and duration replace the estimates."""
    total = pictures + draws
    write_s = written["s"] if written else cost.write_s(pictures, draws)
    online_s, offline_s = cost.online_s(pictures), cost.offline_s(total)
    is_counted = pictures <= len(cost.digests)
    new_online, new_offline = number(cost.online_different(pictures, EPOCHS)), number(cost.offline_different(pictures, draws))
    zip_mb = _mb(len(written["data"])) if written else _approximate(_mb(cost.size_bytes(pictures, draws)))
    st.table(
        {
            "": [
                _("Pictures in an epoch"),
                _("Different pictures in {n} epochs").format(n=number(EPOCHS)),
                _("On disk"),
                _("Before the first epoch"),
                _("To prepare an epoch"),
                _("{n} epochs, all in all").format(n=number(EPOCHS)),
            ],
            _("Online, while training"): [
                number(pictures),
                new_online if is_counted else _approximate(new_online),
                _approximate(_mb(cost.size_bytes(pictures, 0))),
                _seconds(0),
                _approximate(_seconds(online_s)),
                _approximate(_seconds(EPOCHS * online_s)),
            ],
            _("Offline, this ZIP"): [
                number(total),
                new_offline if is_counted and draws <= EPOCHS * pictures else _approximate(new_offline),
                zip_mb,
                _seconds(write_s) if written else _approximate(_seconds(write_s)),
                _approximate(_seconds(offline_s)),
                _approximate(_seconds(write_s + EPOCHS * offline_s)),
            ],
        },
        border="horizontal",
        hide_index=True,
        alt=_("Online and offline augmentation compared"),
    )
    st.caption(
        _("Measured here on {n} draws: drawing takes {draw} a picture, drawing and writing {write}, reading {read}.").format(
            n=number(sum(len(own) - 1 for own in cost.digests)),
            draw=_seconds(cost.draw_ms / 1000),
            write=_seconds(cost.write_draw_ms / 1000),
            read=_seconds(cost.read_ms / 1000),
        )
    )


def _approximate(written: str) -> str:
    return _("about {n}").format(n=written)


def _mb(size: float) -> str:
    return f"{number(size / MB, ',.2f' if size < MB else ',.1f')} MB"


def _seconds(s: float) -> str:
    if s == 0:
        return "0 s"
    return f"{number(1000 * s, ',.1f' if s < 0.01 else ',.0f')} ms" if s < 1 else f"{number(s, ',.1f')} s"
