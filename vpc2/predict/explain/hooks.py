"""Private copies of modules for forward hooks: an open classifier is shared by all visitors and used by several threads at once."""

from __future__ import annotations

import copy

from torch import nn


def private_copy(module: nn.Module) -> nn.Module:
    """Return a copy of a module, in evaluation mode, that shares its weights and has its own hooks.

    A hook on the shared module would also receive the images that another thread predicts at that moment.
    """
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared).eval()
