"""Attacks on a classifier: on images in [0, 1], before normalisation, never outside epsilon or [0, 1].

For learning how little it takes, on the visitor's own models. Nothing is drawn from torch's global generator.
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
from vpc2.shares import Share, share_of

PATCH_STEPS, PATCH_RATE = 60, 0.08
PIXEL_ROUNDS, PIXEL_CROWD = 12, 48


@dataclass(frozen=True, eq=False)
class AttackResult:
    """AttackResult images (B, 3, S, S), and for each whether no gradient was ever anything but zero: then the attack had no direction.

    What such a picture resists says nothing of the net.
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
    """Return attacked images (B, 3, S, S): away from `labels` (B,), or towards them where `is_targeted`.

    By a key of ATTACKS; `epsilon` bounds the change in the attack's norm, exactly. With several steps the start of picture
    number `first` + i is drawn within epsilon from `seed`, or is the picture itself for None.
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
    """Return what `attack` returns, and which pictures it could do nothing to for want of a gradient."""
    images, labels, gradient = images.to(classifier.device), labels.to(classifier.device), MarginGradient()
    asked = lambda given: classifier.module(classifier.normalise(given))  # noqa: E731
    found = perturb(asked, images, labels, kind, epsilon, is_targeted=is_targeted, seed=seed, first=first, gradient_of=gradient)
    is_blind = torch.zeros(len(images), dtype=torch.bool) if gradient.is_blind is None else gradient.is_blind.cpu()
    return AttackResult(found.cpu(), is_blind)


@dataclass(frozen=True)
class AttackCurve:
    """What is left of the accuracy at rising epsilons, the first of which is 0: one share each, plain and, where asked, in views.

    `reached` is the share that is taken for the target, where the attack had one; `blind` the share of pictures whose gradient was
    zero at the largest epsilon, to which the attack could do nothing.
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
    """Return the accuracy over attacked images (N, 3, S, S) against epsilon: plain, and in `views`, of which the attack knows nothing.

    With a `target` every image is drawn towards that class, in place of away from its own: give images of other classes. `groups`
    says whose picture each is, for the intervals.
    """
    epsilons = (0.0, *ATTACKS.find(kind).epsilons)
    chunk = images_at_once(classifier)
    asked = ["accuracy", *(["merged"] if views else []), *(["reached"] if target is not None else [])]
    hits = {name: np.zeros((len(epsilons), len(images)), bool) for name in asked}
    done = 0
    for e, epsilon in enumerate(epsilons):
        blind = 0
        for start in range(0, len(images), chunk):
            part, own = images[start : start + chunk], labels[start : start + chunk]
            here = e, slice(start, start + len(part))
            wanted = own if target is None else torch.full_like(own, target)
            attacked = part
            if epsilon:
                made = attack_with_result(classifier, part, wanted, kind, epsilon, is_targeted=target is not None, first=start)
                attacked, blind = made.images, blind + int(made.is_blind.sum())
            answers = classifier.logits(attacked).argmax(1)
            hits["accuracy"][here] = (answers == own).numpy()
            if target is not None:
                hits["reached"][here] = (answers == wanted).numpy()
            if views:
                hits["merged"][here] = (merge_mean(predict_views(classifier, attacked, views)).argmax(1) == own).numpy()
            done += len(part)
            report(done / (len(images) * len(epsilons)))
    lines = {name: tuple(accuracy_of(row, groups) for row in table) for name, table in hits.items()}
    return AttackCurve(epsilons, **lines, blind=blind / len(images))


def make_patch(
    classifier: Classifier, images: torch.Tensor, target: int, side_px: int, *, seed: int = 0, steps: int = PATCH_STEPS
) -> torch.Tensor:
    """Return a patch (3, side, side) in [0, 1] that turns whatever it lies on into `target` (Brown and others, 2017).

    Its gradient is averaged over the images (B, 3, S, S), laid at another random place each step; of many images each step takes
    as many as go through at once, drawn anew, so memory stays bounded. Where no step had a gradient it comes back grey, see `is_grey`.
    """
    generator = torch.Generator().manual_seed(seed)
    images = images.to(classifier.device)
    most = images_at_once(classifier)
    labels = torch.full((min(len(images), most),), target, device=classifier.device)
    with torch.enable_grad():
        patch = torch.full((3, side_px, side_px), 0.5, device=classifier.device).requires_grad_()
        optimiser = torch.optim.Adam([patch], lr=PATCH_RATE)
        for _step in range(steps):
            some = images if len(images) <= most else images[torch.randperm(len(images), generator=generator)[:most].to(images.device)]
            laid = lay_patch(some, patch.clamp(0, 1), generator)
            loss = F.cross_entropy(classifier.module(classifier.normalise(laid)), labels)
            optimiser.zero_grad()
            patch.grad = torch.autograd.grad(loss, patch)[0]
            optimiser.step()
            with torch.no_grad():
                patch.clamp_(0, 1)
    return patch.detach().cpu()


def is_grey(patch: torch.Tensor) -> bool:
    """True where a patch is still as every patch begins: the gradient was zero in every step."""
    return bool((patch == 0.5).all())


def lay_patch(images: torch.Tensor, patch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return images with a patch on each, at places drawn from the generator."""
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
    """Shares of pictures that are taken for the target: as they are, under a plain grey patch, under the patch, and that in views."""

    plain: Share
    grey: Share
    patched: Share
    merged: Share


def judge_patch(
    classifier: Classifier, patch: torch.Tensor, images: torch.Tensor, target: int, views: Sequence[str], *, seed: int = 0
) -> PatchResult:
    """Return how often images (B, 3, S, S) are taken for `target`; both patches lie at the same places, drawn from `seed`.

    What is told of a patch is worth something on images that it was not learned from, and that are not of its class.
    """
    counts, generator = [0, 0, 0, 0], torch.Generator().manual_seed(seed)
    for part in images.split(images_at_once(classifier)):
        places = generator.get_state()
        laid = lay_patch(part, patch, generator)
        grey = lay_patch(part, torch.full_like(patch, 0.5), torch.Generator().set_state(places))
        answers = [classifier.logits(each) for each in (part, grey, laid)] + [merge_mean(predict_views(classifier, laid, views))]
        counts = [count + int((answer.argmax(1) == target).sum()) for count, answer in zip(counts, answers, strict=True)]
    return PatchResult(*(share_of(count, len(images)) for count in counts))


def attack_pixel(classifier: Classifier, image: torch.Tensor, label: int, *, seed: int = 0) -> tuple[torch.Tensor, int, int]:
    """Return an image (3, S, S) with one pixel changed so that `label` loses most, and the pixel's row and column.

    A small evolution of places and colours in place of the 400 candidates of Su and others (2017): for fun, not a bound. Candidates
    are compared by the log-odds of the label: a sure net's probability is 1 for all of them.
    """
    size, generator = image.shape[-1], torch.Generator().manual_seed(seed)
    crowd = torch.rand(PIXEL_CROWD, 5, generator=generator)

    def asked(genes: torch.Tensor) -> torch.Tensor:
        """Return how high the label's log-odds stay for each candidate."""
        changed = image.repeat(len(genes), 1, 1, 1)
        rows, columns = (genes[:, :2] * size).long().clamp(max=size - 1).T
        changed[torch.arange(len(genes)), :, rows, columns] = (genes[:, 2:] > 0.5).float()
        logits = torch.cat([classifier.logits(some) for some in changed.split(images_at_once(classifier))])
        return -margins(logits, torch.full((len(logits),), label))

    found = asked(crowd)
    for _round in range(PIXEL_ROUNDS):
        a, b, c = (crowd[torch.randint(len(crowd), (len(crowd),), generator=generator)] for _ in range(3))
        children = (a + 0.5 * (b - c)).clamp(0, 1)
        scores = asked(children)
        better = scores < found
        crowd, found = torch.where(better[:, None], children, crowd), torch.where(better, scores, found)
    best = crowd[found.argmin()]
    row, column = (best[:2] * size).long().clamp(max=size - 1).tolist()
    changed = image.clone()
    changed[:, row, column] = (best[2:] > 0.5).float()
    return changed, row, column
