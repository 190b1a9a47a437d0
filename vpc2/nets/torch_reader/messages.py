"""What is said of PyTorch code that cannot be read, by its line, and how much of it is read at all. Standard library only."""

from __future__ import annotations

import ast
import re
from typing import Any

from vpc2.text import Refusal, Text

MOST_STEPS = 50_000
MOST_TURNS = 1_000
MOST_DEPTH = 60
MOST_COPIES = 10_000
MOST_ITEMS = 4_000  # of one list
LARGEST = 10**12

LINE = Text("Line {line}")
_AT = Text("Line {line}: {why}")
UNREAD = Text("“{what}” cannot be read here.")
UNKNOWN = Text("“{what}” is not known here.")
TOO_LONG = Text("a loop of {turns:,} turns is too long to be read.")
TOO_MUCH = Text("there is too much to be done here; only a net is read.")
TOO_DEEP = Text("calls and brackets stand too deep inside one another.")
TOO_LARGE = Text("this number is too large.")
NEEDS = Text("{what} needs a value for “{key}”.")
NO_ANSWER = Text("{what} has no forward that gives something back.")
SHARED = Text("Line {line}: nn.{name} is used more than once; here each use has weights of its own.")
UNUSED = Text("Line {line}: nothing uses what “{what}” gives, so it is not in the net.")
NOT_A_LIST = Text("what stands here cannot be gone through one by one.")
# What a module or a value can be asked for that adds no layer: nothing comes of it.
NOTHING = ("modules", "parameters", "children", "register_buffer", "apply", "train", "eval", "to", "cuda", "cpu", "double")


class TooMuch(Refusal):
    """The text asks for more work than reading a net can take: nothing after it is read either."""


def refuse(node: ast.AST, why: Text, kind: type[Refusal] = Refusal, **values: Any) -> Refusal:
    """Return the refusal of one place of the text."""
    return kind(_AT.fill(line=getattr(node, "lineno", 1), why=why.fill(**values)))


def named(node: ast.AST) -> str:
    return re.sub(r"\s+", " ", ast.unparse(node))[:40]


def where(line: int) -> Text:
    return LINE.fill(line=line)
