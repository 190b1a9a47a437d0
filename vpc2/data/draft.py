"""Drafts: a data set that a visitor builds class by class, picture by picture, stored on disk under its owner.

`home/own/.draft-<owner>/draft.json` lists the classes and, by the hash of their pixels, the pictures, which are stored in the same folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from vpc2.data.datasets import DatasetEntry, own_home
from vpc2.data.imageset import ImageSet
from vpc2.data.uploaded_sets import SIZE_PX, keep
from vpc2.images.decode import decode_photo
from vpc2.images.encode import resize_square
from vpc2.system.files import atomic_write, atomic_write_json
from vpc2.text import Plural, Refusal, Text, clean_name

MAX_CLASSES, MAX_PICTURES = 20, 200
MIN_PICTURES, USUAL_PICTURES = 5, 20  # pictures per class: the minimum for a split, and enough for fine-tuning a pretrained net

_NO_NAME = Text("A class needs a name.")
_TAKEN = Text("There is a class “{name}” already.")
_MANY = Text("At most {most} classes fit here.")
_NO_CLASS = Text("There is no class “{name}”.")
_FULL = Text("“{name}” has {most} pictures; that is enough.")
_TWICE = Plural("{count:,} picture was there already.", "{count:,} pictures were there already.", count="count")
_TWO = Text("At least two classes that are switched on are needed.")
_FEW = Text("{names}: fewer than {fewest} pictures. Add some more, or switch the class off.")


@dataclass(frozen=True)
class Group:
    """One class: its name, the hashes of its pictures in the order they were added, and whether it is included."""

    name: str
    pictures: tuple[str, ...] = ()
    is_on: bool = True


@dataclass(frozen=True)
class Draft:
    """All classes of a draft."""

    groups: tuple[Group, ...] = field(default=())

    def find(self, name: str) -> Group:
        """Return a class by its name; raise `Refusal` if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise Refusal(_NO_CLASS.fill(name=clean_name(name)))


class DraftStore:
    """The one draft of an owner. Every change is written to disk at once, so a closed browser loses nothing."""

    def __init__(self, owner: str):
        mark = hashlib.sha256(owner.encode()).hexdigest()[:24]
        self.folder: Path = own_home() / f".draft-{mark}"

    def load(self) -> Draft:
        """Return the draft; an empty one where there is none."""
        try:
            document = json.loads((self.folder / "draft.json").read_text("utf-8"))
        except (OSError, ValueError):
            return Draft()
        return Draft(tuple(Group(each["name"], tuple(each["pictures"]), each["is_on"]) for each in document))

    def save(self, draft: Draft) -> Draft:
        self.folder.mkdir(parents=True, exist_ok=True)
        document = [{"name": each.name, "pictures": list(each.pictures), "is_on": each.is_on} for each in draft.groups]
        atomic_write_json(self.folder / "draft.json", document, is_synced=False)
        return draft

    def add_class(self, name: str) -> Draft:
        """Add an empty class. Raises `Refusal` for an empty name or one in use (case is ignored), and for too many classes."""
        draft = self.load()
        if len(draft.groups) >= MAX_CLASSES:
            raise Refusal(_MANY.fill(most=MAX_CLASSES))
        return self.save(Draft((*draft.groups, Group(_free_name(draft, name)))))

    def rename_class(self, name: str, other: str) -> Draft:
        """Rename a class."""
        draft = self.load()
        group = draft.find(name)
        rest = Draft(tuple(each for each in draft.groups if each is not group))
        return self._put(draft, group, replace(group, name=_free_name(rest, other)))

    def switch_class(self, name: str, is_on: bool) -> Draft:
        """Include or exclude a class; its pictures stay."""
        draft = self.load()
        group = draft.find(name)
        return self._put(draft, group, replace(group, is_on=is_on))

    def remove_class(self, name: str) -> Draft:
        """Remove a class with its pictures."""
        draft = self.load()
        group = draft.find(name)
        return self._tidy(Draft(tuple(each for each in draft.groups if each is not group)))

    def add_pictures(self, name: str, files: Iterable[tuple[str, bytes]]) -> list[Text]:
        """Add uploaded pictures to a class and return a sentence for each that was left out."""
        draft = self.load()
        group, messages, duplicates = draft.find(name), [], 0
        pictures = list(group.pictures)
        for file_name, data in files:
            if len(pictures) >= MAX_PICTURES:
                messages.append(_FULL.fill(name=group.name, most=MAX_PICTURES))
                break
            try:
                pixels = resize_square(decode_photo(data, file_name, max_side_px=2 * SIZE_PX).pixels, SIZE_PX)
            except Refusal as refusal:
                messages.append(refusal.text)
                continue
            digest = hashlib.sha256(pixels.tobytes()).hexdigest()[:32]
            if digest in pictures:
                duplicates += 1
                continue
            self._write(digest, pixels)
            pictures.append(digest)
        if duplicates:
            messages.append(_TWICE.fill(count=duplicates))
        self._put(draft, group, replace(group, pictures=tuple(pictures)))
        return messages

    def remove_picture(self, name: str, digest: str) -> Draft:
        """Remove one picture from a class."""
        draft = self.load()
        group = draft.find(name)
        remaining = tuple(each for each in group.pictures if each != digest)
        return self._tidy(Draft(tuple(replace(each, pictures=remaining) if each is group else each for each in draft.groups)))

    def picture(self, digest: str) -> bytes:
        """Return a picture as PNG; raise `Refusal` where it no longer exists."""
        try:
            return (self.folder / f"{digest}.png").read_bytes()
        except OSError:
            raise Refusal(_NO_CLASS.fill(name=digest[:8])) from None

    def problem(self, draft: Draft) -> Text | None:
        """Return what is missing before the draft can be used, or None."""
        on = [group for group in draft.groups if group.is_on]
        if len(on) < 2:
            return _TWO
        small = [group.name for group in on if len(group.pictures) < MIN_PICTURES]
        return _FEW.fill(names=", ".join(f"“{name}”" for name in small), fewest=MIN_PICTURES) if small else None

    def finish(self, name: str, owner: str) -> DatasetEntry:
        """Store the draft as one of the owner's data sets and return its entry; the draft stays and can be extended. Raises `Refusal`."""
        draft = self.load()
        problem = self.problem(draft)
        if problem is not None:
            raise Refusal(problem)
        images, labels, on = [], [], [group for group in draft.groups if group.is_on]
        for label, group in enumerate(on):
            for digest in group.pictures:
                images.append(np.asarray(Image.open(io.BytesIO(self.picture(digest)), formats=("PNG",)).convert("RGB")))
                labels.append(label)
        data = ImageSet(np.stack(images), np.array(labels, dtype=np.int64), tuple(group.name for group in on))
        return keep(data, name or ", ".join(group.name for group in on), owner)

    def clear(self) -> None:
        """Delete the draft."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, digest: str, pixels: np.ndarray) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
        atomic_write(self.folder / f"{digest}.png", file.getvalue(), is_synced=False)

    def _put(self, draft: Draft, group: Group, changed: Group) -> Draft:
        return self.save(Draft(tuple(changed if each is group else each for each in draft.groups)))

    def _tidy(self, draft: Draft) -> Draft:
        """Save a draft and delete the pictures that no class contains any more."""
        self.save(draft)
        used = {digest for group in draft.groups for digest in group.pictures}
        for path in self.folder.glob("*.png"):
            if path.stem not in used:
                path.unlink(missing_ok=True)
        return draft


def _free_name(draft: Draft, name: str) -> str:
    cleaned = clean_name(name, 40)
    if not cleaned:
        raise Refusal(_NO_NAME)
    if cleaned.casefold() in {group.name.casefold() for group in draft.groups}:
        raise Refusal(_TAKEN.fill(name=cleaned))
    return cleaned
