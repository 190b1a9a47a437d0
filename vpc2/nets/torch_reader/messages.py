"""Messages about PyTorch code that cannot be read, with their line, and the limits of the interpreter. Standard library only."""

from __future__ import annotations

import ast
import re
from typing import Any

from vpc2.text import Refusal, Text

MAX_STEPS = 50_000
MAX_ITERATIONS = 1_000
MAX_DEPTH = 60
MAX_REPETITIONS = 10_000
MAX_ITEMS = 4_000  # of one list
MAX_NUMBER = 10**12

LINE = Text("Line {line}")
_AT = Text("Line {line}: {why}")
UNREADABLE = Text("“{what}” cannot be read here.")
UNKNOWN = Text("“{what}” is not known here.")
TOO_LONG = Text("a loop of {turns:,} turns is too long to be read.")
TOO_MUCH_WORK = Text("there is too much to be done here; only a net is read.")
TOO_DEEP = Text("calls and brackets stand too deep inside one another.")
TOO_LARGE = Text("this number is too large.")
MISSING_ARGUMENT = Text("{what} needs a value for “{key}”.")
NO_RESULT = Text("{what} has no forward that gives something back.")
SHARED_LAYER = Text("Line {line}: nn.{name} is used more than once; here each use has weights of its own.")
UNUSED_RESULT = Text("Line {line}: nothing uses what “{what}” gives, so it is not in the net.")
NOT_A_LIST = Text("what stands here cannot be gone through one by one.")
# Methods of modules and values that add no layer and are ignored.
NEUTRAL_METHODS = ("modules", "parameters", "children", "register_buffer", "apply", "train", "eval", "to", "cuda", "cpu", "double")


class ReadingLimit(Refusal):
    """A limit of the interpreter is exceeded; unlike after other refusals, reading stops."""


def refuse(node: ast.AST, why: Text, kind: type[Refusal] = Refusal, **values: Any) -> Refusal:
    """Return the refusal of a node of the syntax tree, with its line."""
    return kind(_AT.fill(line=getattr(node, "lineno", 1), why=why.fill(**values)))


def source_of(node: ast.AST) -> str:
    return re.sub(r"\s+", " ", ast.unparse(node))[:40]


def line_text(line: int) -> Text:
    return LINE.fill(line=line)
