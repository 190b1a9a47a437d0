"""Code of the adversarial training step for the script of a run, in plain PyTorch. Imports the standard library only."""

from __future__ import annotations

from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.sources import Carrier
from vpc2.training.spec import Recipe

_ATTACK = '''

# --- adversarial training
def attack(images, targets, step):
    """Return a batch whose first images are adversarial examples for the net with its current weights, within epsilon."""
    count = max(round(len(images) * {share}), 1)
    net.eval()
    adversarial = {function}(
        predict_logits, images[:count], targets[:count], norm="{norm}", steps={steps}, epsilon={epsilon}, seed=seed_of(SEED, "attack", step)
    )
    net.train()
    return torch.cat([adversarial, images[count:]])

'''


def attack_code(recipe: Recipe, carrier: Carrier) -> str:
    """Return the code of `attack(images, targets, step)` for a recipe with adversarial training.

    It uses the script's `net` and `predict_logits`.
    """
    settings, entry = recipe.settings, ATTACKS[recipe.settings["adversary"]]
    return _ATTACK.format(
        share=settings["adversary_share"],
        function=carrier.name_of(entry.target),
        norm=entry.norm,
        steps=entry.steps,
        epsilon=settings["adversary_epsilon"],
    )
