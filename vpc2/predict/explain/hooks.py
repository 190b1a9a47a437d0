"""Hooks for one question only: a classifier that is open is shared by all visitors, who ask it at the same time."""

from __future__ import annotations

import copy

from torch import nn


def private_copy(module: nn.Module) -> nn.Module:
    """Return a copy of a module, in evaluation mode, that shares its weights and has hooks of its own.

    A hook on the shared module would also hear the pictures that another thread asks it about at that moment.
    """
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared).eval()
