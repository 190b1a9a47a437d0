"""Pages and single views drawn without a browser, and what they show: words, pictures, figures, files."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.stats import binomtest
from streamlit.testing.v1 import AppTest

from vpc2 import codec

ROOT = Path(__file__).parents[2]
VISITOR = "1" * 32


def open_page(page, lang="en", query=None, **session):
    """Return a page as its address and session make it, drawn once. Session keys are written with `__` in place of `/`."""
    at = AppTest.from_file(str(ROOT / "vpc2" / "ui" / "app.py"), default_timeout=120)
    at.query_params["lang"] = lang
    for key, value in (query or {}).items():
        at.query_params[key] = value
    at.session_state["visitor"] = {"id": VISITOR}
    for key, value in session.items():
        at.session_state[key.replace("__", "/")] = value
    at.switch_page(str(ROOT / "pages" / f"{page}.py")).run()
    return checked(at)


def checked(at):
    assert not at.exception, at.exception[0].stack_trace
    return at


def slot(spec):
    """Return what the session keeps of a spec that a visitor has made."""
    return {"documents": [codec.to_document(spec)], "at": 0, "generation": 0, "is_touched": True}


def tray(*pictures):
    """Return session entries that put pictures, uint8 (H, W, 3), into the tray, all of them chosen."""
    photos = {}
    for i, one in enumerate(pictures):
        digest = f"photo{i}-{hash(one.tobytes())}"
        photos[digest] = {"pixels": one, "digest": digest, "name": f"photo {i}", "notes": (), "size": one.shape[1::-1]}
    return {"photos": photos, "tray__chosen": list(photos)}


def words(at, *kinds):
    """Return what a visitor reads, backslashes and no-break spaces away."""
    kinds = kinds or ("title", "markdown", "caption", "metric", "info", "error", "warning", "success")
    return " ".join(str(one.value) for kind in kinds for one in at.get(kind)).replace("\\", "").replace("\u00a0", " ")


def figures(at):
    """Return the figures in their order, as plotly's plain dictionaries."""
    return [json.loads(one.proto.spec) for one in at.get("plotly_chart")]


def values(numbers):
    """Return an axis of a figure as an array: plotly packs numpy's own in base64."""
    if isinstance(numbers, dict):
        import base64

        found = np.frombuffer(base64.b64decode(numbers["bdata"]), numbers["dtype"])
        shape = [int(side) for side in str(numbers.get("shape", len(found))).split(",")]
        return found.reshape(shape)
    return np.array(numbers)


def bounds(middles, error):
    """Return where intervals end, from a figure's points and its error bars: low and high, an interval a row."""
    middles, up, down = values(middles), values(error["array"]), values(error["arrayminus"])
    return np.stack([middles - down, middles + up], 1)


def wilson(hits, n):
    """Return scipy's 95 % interval of a share, in per cent."""
    found = binomtest(int(hits), int(n)).proportion_ci(method="wilson")
    return 100 * found.low, 100 * found.high


def tables(at):
    return [one.value for one in at.get("table")]


def sent(at, name):
    """Return what a component of ours was given, by a part of its key."""
    found = [one.proto for one in at.get("bidi_component") if name in one.proto.id]
    return [json.loads(one.json or one.mixed.json) for one in found]


@dataclass
class Media:
    """Files that pages offered or showed, by their address and by their name; `written` are those that a click would write."""

    by_url: dict[str, bytes]
    by_name: dict[str, bytes]
    written: dict[str, object]

    def picture(self, url):
        return np.asarray(Image.open(io.BytesIO(self.by_url[url])).convert("RGB"))

    def pictures(self, at):
        """Return every picture on the page with its alternative text."""
        return [(one.alt, self.picture(one.url)) for element in at.get("image") for one in element.proto.imgs if one.url in self.by_url]
