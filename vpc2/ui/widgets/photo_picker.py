"""Picker of photographs (the tray): samples and the visitor's uploads, kept for the session and shared by all pages."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

import numpy as np
import streamlit as st

from vpc2.images.decode import decode_photo
from vpc2.images.samples import SAMPLES, load_sample
from vpc2.system.host import LIMITS, MB
from vpc2.text import Refusal, Text
from vpc2.ui.markdown import escape
from vpc2.ui.session import notices
from vpc2.ui.session.i18n import _, localize

MAX_OWN_PHOTOS = 12
FORMATS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"]

_NAMED_NOTE = Text("{name}: {note}")
_FULL = Text("The tray holds {limit} photographs of your own; the oldest one made room.")


def own_photos() -> dict[str, dict[str, Any]]:
    """Return the visitor's uploaded photographs by digest, as dictionaries: name, pixels (H, W, 3) uint8, other fields of `Photo`."""
    return st.session_state.setdefault("photos", {})


def _title(key: str) -> str:
    return escape(own_photos()[key]["name"]) if key in own_photos() else localize(SAMPLES[key].title)


def _photo(key: str) -> dict[str, Any]:
    return own_photos()[key] if key in own_photos() else {**asdict(load_sample(key)), "name": localize(SAMPLES[key].title), "key": key}


def add_photo(data: bytes, name: str) -> str | None:
    """Decode one upload into the tray and return its digest; None where it is refused, with a notice."""
    try:
        photo = decode_photo(data, name)
    except Refusal as refusal:
        notices.add_note(refusal.text, "error")
        return None
    for note in photo.notes:
        notices.add_note(_NAMED_NOTE.fill(name=photo.name, note=note))
    _store({**asdict(photo), "notes": ()})
    return photo.digest


def add_pixels(pixels: np.ndarray, name: str) -> None:
    """Add an image made by the app, uint8 (H, W, 3), to the tray and select it."""
    digest = hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()  # the same bytes in another shape are another image
    _store({"pixels": pixels, "digest": digest, "name": name, "notes": (), "size": (pixels.shape[1], pixels.shape[0])})
    _select([digest])
    st.session_state["tray/uploads"] = st.session_state.get("tray/uploads", 0) + 1


def _select(digests: list[str]) -> None:
    """Put photographs in front of the selected ones, without duplicates."""
    st.session_state["tray/chosen"] = list(dict.fromkeys([*digests, *st.session_state.get("tray/chosen", [])]))


def _store(photo: dict[str, Any]) -> None:
    own_photos().pop(photo["digest"], None)
    own_photos()[photo["digest"]] = photo
    if len(own_photos()) > MAX_OWN_PHOTOS:
        own_photos().pop(next(iter(own_photos())))
        notices.add_note(_FULL.fill(limit=MAX_OWN_PHOTOS))


def _add_uploads(uploads: list, page: str, max_photos: int) -> None:
    """Move uploads into the tray, drop Streamlit's own copies, which would stay in memory, and rerun the page."""
    added = [digest for file in uploads if (digest := add_photo(file.getvalue(), file.name))]
    if added:
        _select([*reversed(added)])
    st.session_state["tray/uploads"] = st.session_state.get("tray/uploads", 0) + 1
    st.rerun()


def show_photo_picker(page: str, *, max_photos: int = 4, first: tuple[str, ...] = ("chelsea", "coffee")) -> list[dict[str, Any]]:
    """Draw the picker and return the selected photographs, at most `max_photos`, each with `digest`, `name` and `pixels`.

    `first` are the keys of the samples selected at first.
    """
    keys = [*reversed(own_photos()), *SAMPLES]
    selected = [key for key in dict.fromkeys(st.session_state.get("tray/chosen", first)) if key in keys]
    count = st.session_state.get("tray/uploads", 0)
    with st.container(horizontal=True, vertical_alignment="bottom", key="tray"):
        chosen = st.pills(
            _("Photographs"),
            keys,
            selection_mode="multi" if max_photos > 1 else "single",
            default=(selected[:max_photos] or keys[:1]) if max_photos > 1 else (selected or keys)[0],
            format_func=_title,
            key=f"tray/{page}/{count}",
            width="stretch",
            wrap=True,
        )
        with st.popover(_("Add your own"), icon=":material/add_photo_alternate:", key=f"tray/add/{page}/{count}"):
            uploads = st.file_uploader(
                _("Drop photographs here"),
                type=FORMATS,
                accept_multiple_files=True,
                key=f"tray/upload/{page}/{count}",
                max_upload_size=LIMITS.image_bytes // MB,
            )
            if st.toggle(_("Use the camera"), key=f"tray/camera/{page}"):
                if not _is_secure():
                    st.caption(_("Browsers allow the camera only over https or on this very machine; a photograph can still be uploaded."))
                shot = st.camera_input(_("Take a photograph"), key=f"tray/shot/{page}/{count}", resolution="720p")
                uploads = [*uploads, *([shot] if shot else [])]
                if shot:
                    shot.name = _("Camera") + ".jpg"
            if uploads:
                _add_uploads(uploads, page, max_photos)
    chosen = ([chosen] if isinstance(chosen, str) else list(chosen or []))[:max_photos]
    st.session_state["tray/chosen"] = chosen
    if not chosen:
        st.info(_("Choose a photograph above, or add your own."), icon=":material/photo:")
    photos = [_photo(key) for key in chosen]
    return list({photo["digest"]: photo for photo in photos}.values())  # a sample that was also uploaded counts once


def _is_secure() -> bool:
    address = st.context.url or ""
    return address.startswith("https") or "//localhost" in address or "//127.0.0.1" in address
