"""Reading and writing label files: COCO (one JSON for many pictures) and YOLO (one text file per picture).

Input is untrusted: sizes, counts, numbers and coordinates are validated here, and what cannot be used is reported in one sentence.
Coordinates slightly outside the picture are clipped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from vpc2 import codec
from vpc2.augment.labels.placement import UPRIGHT, place_upright, uncertain_notes
from vpc2.labels import BOX, MASK, MAX_CORNERS, MAX_LABELS, POINT, Label, area_of, bounds_of, read_label
from vpc2.text import Refusal, Text, clean_name
from vpc2.version import APP, MADE_WITH

UNNAMED = "object"  # the formats require a class name
MAX_TEXT_BYTES = 256 * 1024
MAX_CLASS = 10_000
OUTSIDE = 0.05  # share of a side: farther outside is an error in the file, not rounding

_NO_LABELS = Text("There is no label in this file that can be used.")
_NOT_COCO = Text("This JSON is not COCO: it needs the lists “images” and “annotations”.")
_NO_SIZE = Text("The picture “{name}” in the file has no “width” and “height” in pixels, so its labels cannot be placed.")
_BAD_ANNOTATION = Text("Annotation {n} cannot be used: {why}. Nothing was taken from the file.")
_BAD_LINE = Text("Line {n} cannot be used: {why}. Nothing was taken from the file.")
_NOT_TEXT = Text("This file is not text in UTF-8.")
_TOO_BIG = Text("This file is too large: at most {limit:,} kB.")
_OF_MANY = Text("The file holds {n:,} pictures; these are the labels of “{name}”, chosen by the photograph's name.")
_FIRST_OF_MANY = Text("The file holds {n:,} pictures and none is called “{wanted}”; these are the labels of the first, “{name}”.")
_RLE = Text("Masks stored as RLE are not read ({n:,} here); their boxes are.")
_CUT = Text("Only the first {most} labels were taken.")
_WHY_NUMBERS = Text("it must hold finite numbers only")
_WHY_CLASS = Text("the class must be a whole number from 0")
_WHY_COUNT = Text("after the class there must be 4 numbers (a box) or an even count from 6 on (a mask)")
_WHY_OUTSIDE = Text("it lies outside the picture")
_WHY_EMPTY = Text("it has no area")
_WHY_SHAPE = Text("it is not written as COCO asks")
_WHY_CORNERS = Text("its outline has more than {most} corners").fill(most=MAX_CORNERS)


@dataclass(frozen=True)
class ReadLabels:
    """Labels read from a file, and the notes on what was changed or left out."""

    labels: tuple[Label, ...]
    notes: tuple[Text, ...] = ()


class _BadLabel(ValueError):
    """Why one line or annotation cannot be used."""

    def __init__(self, why: Text):
        super().__init__(why.en)
        self.why = why


def _numbers(values: object) -> list[float]:
    if not isinstance(values, list):
        raise _BadLabel(_WHY_SHAPE)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 for value in values):
        raise _BadLabel(_WHY_NUMBERS)
    return [float(value) for value in values]


def _placed(kind: str, coordinates: Sequence[float], name: str) -> Label:
    """Return the label at coordinates, in shares of the sides, that may lie slightly outside the picture."""
    if kind == MASK and len(coordinates) > 2 * MAX_CORNERS:
        raise _BadLabel(_WHY_CORNERS)
    if not all(-OUTSIDE <= value <= 1 + OUTSIDE for value in coordinates):
        raise _BadLabel(_WHY_OUTSIDE)
    label = read_label(kind, [min(max(value, 0.0), 1.0) for value in coordinates], name)
    if label is None:
        raise _BadLabel(_WHY_EMPTY)
    return label


def _limited(labels: list[Label], notes: list[Text]) -> ReadLabels:
    if not labels:
        raise Refusal(_NO_LABELS)
    if len(labels) > MAX_LABELS:
        notes.append(_CUT.fill(most=MAX_LABELS))
    return ReadLabels(tuple(labels[:MAX_LABELS]), tuple(notes))


# COCO


def from_coco(data: bytes | str, photo_name: str = "", size: tuple[float, float] | None = None, orientation: int = UPRIGHT) -> ReadLabels:
    """Return the labels of one picture in a COCO file: the one called `photo_name`, else the first.

    They are placed on a photograph of that `size`, width and height as shown, which was stored with that EXIF `orientation`: labels of the
    stored, unrotated picture are rotated, and differing sizes are noted. An annotation gives its segmentation as masks, or its box where it
    has none, and every visible keypoint as a point.
    """
    document = codec.read_json(data)
    if not isinstance(document, dict) or not all(_is_objects(document.get(key)) for key in ("images", "annotations")):
        raise Refusal(_NOT_COCO)
    images, annotations = document["images"], document["annotations"]
    if not images:
        raise Refusal(_NO_LABELS)
    photo_stem = _stem(photo_name)
    chosen = next((image for image in images if photo_stem and _stem(image.get("file_name")) == photo_stem), images[0])
    name = _stem(chosen.get("file_name")) or "1"
    sides = chosen.get("width"), chosen.get("height")
    if not all(isinstance(side, int | float) and not isinstance(side, bool) and 1 <= side <= 1e6 for side in sides):
        raise Refusal(_NO_SIZE.fill(name=name))
    names = _category_names(document.get("categories"))
    labels, notes, skipped = [], [], 0
    if len(images) > 1:
        by_name = bool(photo_stem) and _stem(chosen.get("file_name")) == photo_stem
        notes.append((_OF_MANY if by_name else _FIRST_OF_MANY).fill(n=len(images), name=name, wanted=photo_stem))
    for n, annotation in enumerate(annotations, 1):
        if annotation.get("image_id") != chosen.get("id"):
            continue
        try:
            labels += _from_annotation(annotation, sides, names.get(str(annotation.get("category_id")), ""))
        except _BadLabel as bad:
            raise Refusal(_BAD_ANNOTATION.fill(n=n, why=bad.why)) from None
        skipped += isinstance(annotation.get("segmentation"), dict)
        if len(labels) > MAX_LABELS:
            break
    if skipped:
        notes.append(_RLE.fill(n=skipped))
    labels, placement_notes = place_upright(labels, sides, size, orientation)
    return _limited(labels, notes + placement_notes)


def _is_objects(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _stem(file_name: object) -> str:
    """Return a file's name without folders and suffix, for comparing and showing."""
    if not isinstance(file_name, str):
        return ""
    return clean_name(file_name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or file_name)


def _category_names(categories: object) -> dict[str, str]:
    if not _is_objects(categories):
        return {}
    return {str(category.get("id")): category["name"] for category in categories if isinstance(category.get("name"), str)}


def _from_annotation(annotation: dict[str, Any], size: tuple[float, float], name: str) -> list[Label]:
    def shares(pixels: Sequence[float]) -> list[float]:
        return [value / size[i % 2] for i, value in enumerate(pixels)]

    labels: list[Label] = []
    outlines = annotation.get("segmentation")
    for outline in outlines if isinstance(outlines, list) else []:
        corners = _numbers(outline)
        if len(corners) < 6 or len(corners) % 2:
            raise _BadLabel(_WHY_SHAPE)
        labels.append(_placed(MASK, shares(corners), name))
    if not labels and annotation.get("bbox") is not None:
        bounds = _numbers(annotation["bbox"])
        if len(bounds) != 4 or bounds[2] < 0 or bounds[3] < 0:
            raise _BadLabel(_WHY_SHAPE)
        x, y, width, height = bounds
        if width and height:  # an empty box is that of a single keypoint
            labels.append(_placed(BOX, shares([x, y, x + width, y + height]), name))
    keypoints = _numbers(annotation.get("keypoints") or [])
    if len(keypoints) % 3:
        raise _BadLabel(_WHY_SHAPE)
    keypoint_triples = zip(keypoints[::3], keypoints[1::3], keypoints[2::3], strict=True)
    return [*labels, *(_placed(POINT, shares([x, y]), name) for x, y, visibility in keypoint_triples if visibility)]


class Coco:
    """A COCO document that pictures are added to. Coordinates are pixels from the upper left corner, also those of points."""

    def __init__(self) -> None:
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories: dict[str, dict[str, Any]] = {}

    def add(self, file_name: str, width: int, height: int, labels: Sequence[Label]) -> None:
        """Add a picture of this size with its labels."""
        image_id = len(self._images) + 1
        self._images.append({"id": image_id, "file_name": file_name, "width": width, "height": height})
        for label in labels:
            name = label.name or UNNAMED
            category = self._categories.setdefault(name, {"id": len(self._categories) + 1, "name": name})
            if label.kind == POINT:
                category |= {"keypoints": ["point"], "skeleton": []}
            self._annotations.append(
                {"id": len(self._annotations) + 1, "image_id": image_id, "category_id": category["id"], "iscrowd": 0}
                | _to_annotation(label, width, height)
            )

    def to_json(self) -> str:
        """Return the document as JSON."""
        document = {
            "info": {"contributor": APP},
            "images": self._images,
            "annotations": self._annotations,
            "categories": [*self._categories.values()],
        }
        return json.dumps(document, ensure_ascii=False)


def _to_annotation(label: Label, width: int, height: int) -> dict[str, Any]:
    coordinates = [round(value, 4) for value in label.scaled(width, height)]
    x0, y0, x1, y1 = bounds_of(coordinates)
    bounds = [x0, y0, round(x1 - x0, 4), round(y1 - y0, 4)]
    if label.kind == POINT:
        return {"bbox": bounds, "area": 0.0, "segmentation": [], "keypoints": [*coordinates, 2], "num_keypoints": 1}
    if label.kind == MASK:
        return {"bbox": bounds, "area": round(area_of(coordinates), 4), "segmentation": [coordinates]}
    return {"bbox": bounds, "area": round(bounds[2] * bounds[3], 4), "segmentation": []}


def to_coco(labels: Sequence[Label], file_name: str, width: int, height: int) -> str:
    """Return one picture's labels as a COCO document."""
    document = Coco()
    document.add(file_name, width, height, labels)
    return document.to_json()


# YOLO


def from_yolo(data: bytes | str, names: Sequence[str] = (), orientation: int = UPRIGHT) -> ReadLabels:
    """Return the labels in a YOLO text: lines `class cx cy w h` (a box) or `class x1 y1 x2 y2 …` (a mask), in shares of the sides.

    A YOLO text has no picture size, so where the photograph's EXIF `orientation` rotates it, a note says so. A mask whose corners are those
    of an upright box is read as that box: see `to_yolo`. A class without a name is called by its number.
    """
    if len(data) > MAX_TEXT_BYTES:
        raise Refusal(_TOO_BIG.fill(limit=MAX_TEXT_BYTES // 1024))
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise Refusal(_NOT_TEXT) from None
    labels: list[Label] = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            labels.append(_from_line(line.split(), names))
        except _BadLabel as bad:
            raise Refusal(_BAD_LINE.fill(n=n, why=bad.why)) from None
        if len(labels) > MAX_LABELS:
            break
    return _limited(labels, uncertain_notes(orientation))


def _from_line(words: list[str], names: Sequence[str]) -> Label:
    try:
        number, *values = (float(word) if len(word) <= 40 else math.nan for word in words)
    except ValueError:
        raise _BadLabel(_WHY_NUMBERS) from None
    if not all(map(math.isfinite, (number, *values))):
        raise _BadLabel(_WHY_NUMBERS)
    if number != int(number) or not 0 <= number < MAX_CLASS:
        raise _BadLabel(_WHY_CLASS)
    name = names[int(number)] if number < len(names) else str(int(number))
    if len(values) == 4:
        cx, cy, width, height = values
        if width <= 0 or height <= 0:
            raise _BadLabel(_WHY_EMPTY)
        return _placed(BOX, (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2), name)
    if len(values) < 6 or len(values) % 2:
        raise _BadLabel(_WHY_COUNT)
    bounds = bounds_of(values)
    return _placed(BOX, bounds, name) if values == _corners(bounds) else _placed(MASK, values, name)


def _corners(bounds: Sequence[float]) -> list[float]:
    x0, y0, x1, y1 = bounds
    return [x0, y0, x1, y0, x1, y1, x0, y1]


def class_names(labels: Sequence[Label]) -> list[str]:
    """Return the names of boxes and masks in order of first use: YOLO writes their indices."""
    return list(dict.fromkeys(label.name or UNNAMED for label in labels if label.kind != POINT))


def to_yolo(labels: Sequence[Label], names: Sequence[str]) -> str:
    """Return one picture's boxes and masks as a YOLO text; points cannot be written.

    Where there is a mask, readers take every line for a polygon, so boxes are then written as their four corners.
    """
    has_masks, lines = any(label.kind == MASK for label in labels), []
    for label in labels:
        if label.kind == POINT:
            continue
        values = list(label.places)
        if label.kind == BOX:
            x0, y0, x1, y1 = label.places
            values = _corners(label.places) if has_masks else [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
        lines.append(" ".join([str(names.index(label.name or UNNAMED)), *(f"{value:.6f}" for value in values)]))
    return "".join(f"{line}\n" for line in lines)


def to_yolo_yaml(names: Sequence[str]) -> str:
    """Return the description of a YOLO data set: the path of its pictures, and its classes. A JSON string is valid YAML."""
    classes = "".join(f"  {i}: {json.dumps(name, ensure_ascii=False)}\n" for i, name in enumerate(names))
    return f"{MADE_WITH}train: images\nval: images\nnames:\n{classes}" if names else f"{MADE_WITH}train: images\nval: images\nnames: {{}}\n"
