"""The step of adversarial training as plain PyTorch, for the script of a run. Standard library only."""

from __future__ import annotations

from vpc2.predict.attack_kinds import ATTACKS, STEP_SHARE
from vpc2.training.spec import Recipe

_ATTACK = '''

# --- adversarial training
def attack(images, truth, step):
    """Return a batch whose first pictures are moved to where the net, as it is now, errs most: never further than EPSILON."""
    count = max(round(len(images) * {share}), 1)
    given, own, changed = images[:count], truth[:count], images[:count].clone()
    net.eval()
{start}    for _ in range({steps}):
        asked = changed.detach().requires_grad_()
        gradient = torch.autograd.grad(cross_entropy(net(prepared(asked)), own, reduction="sum"), asked)[0]
{move}    net.train()
    return torch.cat([changed.detach(), images[count:]])

'''
_DRAW = """    seed = seed_of(SEED, "attack", step)
    draws = [torch.Generator().manual_seed(seed_of(seed, i)) for i in range(count)]
"""
_START = {
    "linf": _DRAW
    + """    start = torch.stack([2 * torch.rand(given.shape[1:], generator=one) - 1 for one in draws])
    changed = (given + {epsilon} * start).clamp(0, 1)
""",
    "l2": _DRAW
    + """    ways = [torch.randn(given.shape[1:], generator=one) for one in draws]
    start = torch.stack([way / way.norm() * torch.rand((), generator=one) for way, one in zip(ways, draws)])
    changed = (given + {epsilon} * start).clamp(0, 1)
""",
}
_MOVE = {
    "linf": """        changed = changed + {size} * gradient.sign()
        changed = torch.minimum(torch.maximum(changed, given - {epsilon}), given + {epsilon}).clamp(0, 1)
""",
    "l2": """        change = changed + {size} * gradient / gradient.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1) - given
        length = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        changed = (given + change * ({epsilon} / length.clamp(min=1e-12)).clamp(max=1)).clamp(0, 1)
""",
}


def attack_code(recipe: Recipe) -> str:
    """Return the function `attack(images, truth, step)` of a recipe that has the step; it uses `net` and `prepared`."""
    settings, entry = recipe.settings, ATTACKS[recipe.settings["adversary"]]
    epsilon = settings["adversary_epsilon"]
    size = epsilon if entry.steps == 1 else STEP_SHARE * epsilon / entry.steps
    return _ATTACK.format(
        share=settings["adversary_share"],
        steps=entry.steps,
        start=_START[entry.norm].format(epsilon=epsilon) if entry.steps > 1 else "",
        move=_MOVE[entry.norm].format(size=size, epsilon=epsilon),
    )
