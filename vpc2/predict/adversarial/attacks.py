"""Adversarial attacks on a classifier, accuracy against epsilon, adversarial patches and one-pixel attacks.

Attacks work on images in [0, 1], before normalisation; a perturbation never leaves epsilon or [0, 1]. They are meant for teaching, on the
visitor's own models. Nothing is drawn from torch's global generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.predict.adversarial.gradient_steps import MarginGradient, margins, perturb
from vpc2.predict.classifier import Classifier
from vpc2.predict.statistics import accuracy_of
from vpc2.predict.tta.predict import images_at_once, merge_mean, predict_views
from vpc2.proportions import Share

PATCH_STEPS, PATCH_RATE = 60, 0.08
PIXEL_ROUNDS, PIXEL_POPULATION = 12, 48


@dataclass(frozen=True, eq=False)
class AttackResult:
    """Attacked images (B, 3, S, S) and `is_blind` (B,): True where the gradient was zero in every step, so the attack had no direction.

    That the prediction of such an image does not change is no evidence of robustness.
    """

    images: torch.Tensor
    is_blind: torch.Tensor


def attack(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str,
    epsilon: float,
    *,
    is_targeted: bool = False,
    seed: int | None = 0,
    first: int = 0,
) -> torch.Tensor:
    """Return attacked images (B, 3, S, S): moved away from `labels` (B,), or towards them where `is_targeted`.

    `kind` is a key of ATTACKS; `epsilon` is an exact bound on the perturbation in the attack's norm. With several steps, image number
    `first` + i starts at a point drawn within epsilon from `seed`, or at the image itself where `seed` is None.
    """
    return attack_with_result(classifier, images, labels, kind, epsilon, is_targeted=is_targeted, seed=seed, first=first).images


def attack_with_result(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str,
    epsilon: float,
    *,
    is_targeted: bool = False,
    seed: int | None = 0,
    first: int = 0,
) -> AttackResult:
    """Return the images of `attack`, and for which of them the gradient was always zero."""
    images, labels, gradient = images.to(classifier.device), labels.to(classifier.device), MarginGradient()
    model = lambda batch: classifier.module(classifier.normalise(batch))  # noqa: E731
    adversarial = perturb(model, images, labels, kind, epsilon, is_targeted=is_targeted, seed=seed, first=first, gradient_of=gradient)
    is_blind = torch.zeros(len(images), dtype=torch.bool) if gradient.is_blind is None else gradient.is_blind.cpu()
    return AttackResult(adversarial.cpu(), is_blind)


@dataclass(frozen=True)
class AttackCurve:
    """Accuracy at rising epsilons, the first of which is 0: one share each, for the plain prediction and, where asked, over views.

    `reached` is the share predicted as the target class, for a targeted attack; `blind` the share of images whose gradient was zero at the
    largest epsilon, so that the attack could not change them.
    """

    epsilons: tuple[float, ...]
    accuracy: tuple[Share, ...]
    merged: tuple[Share, ...] = ()
    reached: tuple[Share, ...] = ()
    blind: float = 0.0


def accuracy_against(
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
    kind: str,
    views: Sequence[str] = (),
    report: Callable[[float], None] = lambda share: None,
    *,
    target: int | None = None,
    groups: np.ndarray | None = None,
) -> AttackCurve:
    """Return the accuracy on attacked images (N, 3, S, S) against epsilon: plain, and averaged over `views`, which the attack ignores.

    With a `target`, every image is moved towards that class instead of away from its own: pass images of other classes. `groups` holds the
    person of each image, for the confidence intervals.
    """
    epsilons = (0.0, *ATTACKS.find(kind).epsilons)
    chunk = images_at_once(classifier)
    measures = ["accuracy", *(["merged"] if views else []), *(["reached"] if target is not None else [])]
    hits = {name: np.zeros((len(epsilons), len(images)), bool) for name in measures}
    done = 0
    for e, epsilon in enumerate(epsilons):
        blind = 0
        for start in range(0, len(images), chunk):
            batch, true_labels = images[start : start + chunk], labels[start : start + chunk]
            index = e, slice(start, start + len(batch))
            attack_labels = true_labels if target is None else torch.full_like(true_labels, target)
            attacked = batch
            if epsilon:
                result = attack_with_result(classifier, batch, attack_labels, kind, epsilon, is_targeted=target is not None, first=start)
                attacked, blind = result.images, blind + int(result.is_blind.sum())
            predicted = classifier.logits(attacked).argmax(1)
            hits["accuracy"][index] = (predicted == true_labels).numpy()
            if target is not None:
                hits["reached"][index] = (predicted == attack_labels).numpy()
            if views:
                hits["merged"][index] = (merge_mean(predict_views(classifier, attacked, views)).argmax(1) == true_labels).numpy()
            done += len(batch)
            report(done / (len(images) * len(epsilons)))
    curves = {name: tuple(accuracy_of(row, groups) for row in table) for name, table in hits.items()}
    return AttackCurve(epsilons, **curves, blind=blind / len(images))


def make_patch(
    classifier: Classifier, images: torch.Tensor, target: int, side_px: int, *, seed: int = 0, steps: int = PATCH_STEPS
) -> torch.Tensor:
    """Return an adversarial patch (3, side, side) in [0, 1] that makes images be predicted as `target` (Brown and others, 2017).

    Its gradient is averaged over the images (B, 3, S, S), with the patch at another random position in each step. Of many images each step
    samples one batch, so memory stays bounded. If no step had a gradient, the patch stays grey, see `is_grey`.
    """
    generator = torch.Generator().manual_seed(seed)
    images = images.to(classifier.device)
    batch_size = images_at_once(classifier)
    labels = torch.full((min(len(images), batch_size),), target, device=classifier.device)
    with torch.enable_grad():
        patch = torch.full((3, side_px, side_px), 0.5, device=classifier.device).requires_grad_()
        optimiser = torch.optim.Adam([patch], lr=PATCH_RATE)
        for _step in range(steps):
            batch = images
            if len(images) > batch_size:
                batch = images[torch.randperm(len(images), generator=generator)[:batch_size].to(images.device)]
            laid = lay_patch(batch, patch.clamp(0, 1), generator)
            loss = F.cross_entropy(classifier.module(classifier.normalise(laid)), labels)
            optimiser.zero_grad()
            patch.grad = torch.autograd.grad(loss, patch)[0]
            optimiser.step()
            with torch.no_grad():
                patch.clamp_(0, 1)
    return patch.detach().cpu()


def is_grey(patch: torch.Tensor) -> bool:
    """True where a patch equals its initial value: the gradient was zero in every step."""
    return bool((patch == 0.5).all())


def lay_patch(images: torch.Tensor, patch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return images with the patch pasted on each, at positions drawn from the generator."""
    side, size = patch.shape[-1], images.shape[-1]
    laid = []
    for image in images:
        top, left = torch.randint(size - side + 1, (2,), generator=generator).tolist()
        around = (left, size - side - left, top, size - side - top)
        cover = F.pad(torch.ones_like(patch), around)
        laid.append(image * (1 - cover) + F.pad(patch, around))
    return torch.stack(laid)


@dataclass(frozen=True)
class PatchResult:
    """Shares of images predicted as the target.

    Unchanged, under a plain grey patch, under the patch, and under the patch averaged over views.
    """

    plain: Share
    grey: Share
    patched: Share
    merged: Share


def judge_patch(
    classifier: Classifier,
    patch: torch.Tensor,
    images: torch.Tensor,
    target: int,
    views: Sequence[str],
    *,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> PatchResult:
    """Return how often images (B, 3, S, S) are predicted as `target`; both patches lie at the same positions, drawn from `seed`.

    Evaluate a patch on images that it was not optimised on and that are not of the target class. `groups` holds the person of each image
    (B,), for the confidence intervals.
    """
    hits: list[torch.Tensor] = []
    generator = torch.Generator().manual_seed(seed)
    for batch in images.split(images_at_once(classifier)):
        generator_state = generator.get_state()
        patched = lay_patch(batch, patch, generator)
        grey = lay_patch(batch, torch.full_like(patch, 0.5), torch.Generator().set_state(generator_state))
        predictions = [classifier.logits(each) for each in (batch, grey, patched)] + [merge_mean(predict_views(classifier, patched, views))]
        hits.append(torch.stack([prediction.argmax(1) == target for prediction in predictions]))
    return PatchResult(*(accuracy_of(row, groups) for row in torch.cat(hits, 1).numpy()))


def attack_pixel(classifier: Classifier, image: torch.Tensor, label: int, *, seed: int = 0) -> tuple[torch.Tensor, int, int]:
    """Return an image (3, S, S) with the one pixel changed that lowers the score of `label` most, and the pixel's row and column.

    Differential evolution of positions and colours with a small population, in place of the 400 candidates of Su and others (2017): a
    demonstration, not a bound. Candidates are compared by the log-odds of the label, because the probability of a very confident net rounds
    to 1 for all of them.
    """
    size, generator = image.shape[-1], torch.Generator().manual_seed(seed)
    population = torch.rand(PIXEL_POPULATION, 5, generator=generator)

    def log_odds(genes: torch.Tensor) -> torch.Tensor:
        """Return the log-odds of the label for each candidate."""
        changed = image.repeat(len(genes), 1, 1, 1)
        rows, columns = (genes[:, :2] * size).long().clamp(max=size - 1).T
        changed[torch.arange(len(genes)), :, rows, columns] = (genes[:, 2:] > 0.5).float()
        logits = torch.cat([classifier.logits(batch) for batch in changed.split(images_at_once(classifier))])
        return -margins(logits, torch.full((len(logits),), label))

    fitness = log_odds(population)
    for _round in range(PIXEL_ROUNDS):
        a, b, c = (population[torch.randint(len(population), (len(population),), generator=generator)] for _ in range(3))
        children = (a + 0.5 * (b - c)).clamp(0, 1)
        scores = log_odds(children)
        better = scores < fitness
        population, fitness = torch.where(better[:, None], children, population), torch.where(better, scores, fitness)
    best = population[fitness.argmin()]
    row, column = (best[:2] * size).long().clamp(max=size - 1).tolist()
    changed = image.clone()
    changed[:, row, column] = (best[2:] > 0.5).float()
    return changed, row, column
