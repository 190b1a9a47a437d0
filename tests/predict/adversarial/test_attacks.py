"""Attacks: the same pictures as torchattacks and Captum make, within epsilon and [0, 1] to the bit, and nothing else touched."""

import copy
import os

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.adversarial.attacks import (
    accuracy_against,
    attack,
    attack_pixel,
    attack_with_result,
    is_grey,
    judge_patch,
    lay_patch,
    make_patch,
)
from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.predict.adversarial.gradient_steps import MarginGradient, loss_gradient, margins
from vpc2.predict.classifier import Classifier, Preprocessing


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(3)
    module = build_net(NETS["tiny"].net)
    with torch.no_grad():
        module[-1].weight.mul_(40)
    return Classifier(module, Preprocessing(16, (0.4,) * 3, (0.3,) * 3), tuple("0123456789"))


@pytest.fixture(scope="module")
def images():
    given = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    given[0, :, :4], given[1, :, :4] = 0, 1  # at the borders of what a pixel may be
    return given


@pytest.fixture(scope="module")
def whole(classifier):
    """The net from [0, 1] to logits, as the referees want it."""

    class Whole(torch.nn.Module):
        def forward(self, x):
            given = x.clone()
            if given.requires_grad:
                given.register_hook(lambda gradient: gradient.contiguous())  # torchattacks wants to view it
            return classifier.module(classifier.normalise(given))

    return Whole().eval()


def referee():
    if os.environ.get("VPC2_REQUIRE_REFEREES"):
        import torchattacks

        return torchattacks
    return pytest.importorskip("torchattacks", reason="torchattacks asks for an old requests: pip install --no-deps torchattacks")


def labels_of(classifier, images):
    return classifier.logits(images).argmax(1)


@pytest.mark.parametrize("epsilon", [1 / 255, 8 / 255])
def test_fgsm_is_torchattacks_and_captums(classifier, images, whole, epsilon):
    from captum.robust import FGSM

    labels = labels_of(classifier, images)
    ours = attack(classifier, images, labels, "fgsm", epsilon)
    captums = FGSM(whole, torch.nn.CrossEntropyLoss(reduction="none"), lower_bound=0, upper_bound=1).perturb(
        images.clone(), epsilon, labels
    )
    torch.testing.assert_close(ours, captums, atol=1e-6, rtol=0)
    torch.testing.assert_close(ours, referee().FGSM(whole, eps=epsilon)(images, labels), atol=1e-6, rtol=0)


def test_pgd_is_torchattacks(classifier, images, whole):
    labels, steps = labels_of(classifier, images), ATTACKS["pgd"].steps
    for epsilon in (2 / 255, 8 / 255):
        theirs = referee().PGD(whole, eps=epsilon, alpha=2.5 * epsilon / steps, steps=steps, random_start=False)(images, labels)
        torch.testing.assert_close(attack(classifier, images, labels, "pgd", epsilon, seed=None), theirs, atol=1e-5, rtol=0)
    theirs = referee().PGDL2(whole, eps=1.0, alpha=0.25, steps=steps, random_start=False)(images, labels)
    torch.testing.assert_close(attack(classifier, images, labels, "pgd_l2", 1.0, seed=None), theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize("is_targeted", [False, True])
def test_captum_makes_the_same_with_and_without_a_target(classifier, images, whole, is_targeted):
    from captum.robust import FGSM, PGD

    epsilon, steps = 6 / 255, ATTACKS["pgd"].steps
    labels = torch.full((6,), 4) if is_targeted else labels_of(classifier, images)
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    one, many = FGSM(whole, loss, lower_bound=0, upper_bound=1), PGD(whole, loss, lower_bound=0, upper_bound=1)
    one.zero_thresh = many.fgsm.zero_thresh = 0.0  # Captum leaves pixels alone whose gradient is below a millionth
    theirs = one.perturb(images.clone(), epsilon, labels, targeted=is_targeted)
    ours = attack(classifier, images, labels, "fgsm", epsilon, is_targeted=is_targeted)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    theirs = many.perturb(images.clone(), epsilon, 2.5 * epsilon / steps, steps, labels, targeted=is_targeted, norm="Linf")
    ours = attack(classifier, images, labels, "pgd", epsilon, is_targeted=is_targeted, seed=None)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ATTACKS)
@pytest.mark.parametrize("is_targeted", [False, True])
def test_nothing_leaves_epsilon_or_the_range(classifier, images, kind, is_targeted):
    labels = torch.full((6,), 4)
    for epsilon in ATTACKS[kind].epsilons:
        found = attack(classifier, images, labels, kind, epsilon, is_targeted=is_targeted)
        change = found.double() - images.double()
        size = change.abs().flatten(1).amax(1) if ATTACKS[kind].norm == "linf" else change.flatten(1).norm(dim=1)
        assert (size <= epsilon).all() and found.min() >= 0 and found.max() <= 1
        assert size.max() > 0.5 * epsilon


@pytest.mark.parametrize("kind", ATTACKS)
def test_it_repeats_and_leaves_generator_and_weights_alone(classifier, images, kind):
    before, labels = torch.get_rng_state(), labels_of(classifier, images)
    first = attack(classifier, images, labels, kind, ATTACKS[kind].epsilons[3])
    assert torch.equal(first, attack(classifier, images, labels, kind, ATTACKS[kind].epsilons[3]))
    assert torch.equal(before, torch.get_rng_state())
    assert all(parameter.grad is None for parameter in classifier.module.parameters())


def test_a_targeted_attack_reaches_its_target_on_a_linear_net():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 5))
    classifier = Classifier(net, Preprocessing(8, (0.0,) * 3, (1.0,) * 3), tuple("abcde"))
    images = torch.full((5, 3, 8, 8), 0.5)
    targets = torch.arange(5)
    for kind, epsilon in (("fgsm", 0.4), ("pgd", 0.4), ("pgd_l2", 6.0)):
        found = attack(classifier, images, targets, kind, epsilon, is_targeted=True)
        assert torch.equal(classifier.logits(found).argmax(1), targets)


def test_accuracy_falls_with_epsilon_and_starts_at_the_plain_one(classifier, images):
    labels, heard = labels_of(classifier, images), []
    curve = accuracy_against(classifier, images, labels, "pgd", ("identity", "brighter"), heard.append)
    assert curve.accuracy[0].share == 1.0 and curve.accuracy[-1].share < 0.5 and heard[-1] == pytest.approx(1)
    assert len(curve.merged) == len(curve.accuracy) == len(curve.epsilons)


def test_a_targeted_attack_on_a_set_reaches_its_target_more_than_it_was_there_before():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 5))
    classifier = Classifier(net, Preprocessing(8, (0.0,) * 3, (1.0,) * 3), tuple("abcde"))
    images = torch.rand(12, 3, 8, 8)
    labels = labels_of(classifier, images)
    images, labels = images[labels != 4], labels[labels != 4]
    curve = accuracy_against(classifier, images, labels, "pgd", target=4)
    for epsilon, left, reached in zip(curve.epsilons[1:], curve.accuracy[1:], curve.reached[1:], strict=True):
        answers = labels_of(classifier, attack(classifier, images, torch.full_like(labels, 4), "pgd", epsilon, is_targeted=True))
        assert (reached.hits, left.hits) == (int((answers == 4).sum()), int((answers == labels).sum())) and left.n == len(images)
    assert curve.reached[0].hits == 0 and curve.reached[-1].hits > curve.reached[1].hits and curve.accuracy[0].share == 1
    assert not accuracy_against(classifier, images, labels, "pgd").reached


def test_a_patch_draws_pictures_to_its_target(classifier, images):
    target = int((labels_of(classifier, images)[0] + 1) % 10)
    patch = make_patch(classifier, images, target, 8)
    assert patch.shape == (3, 8, 8) and patch.min() >= 0 and patch.max() <= 1
    laid = lay_patch(images, patch, torch.Generator().manual_seed(9))
    assert ((laid != images).any(1).flatten(1).sum(1) <= 64).all()
    grey = lay_patch(images, torch.full_like(patch, 0.5), torch.Generator().manual_seed(9))
    assert classifier.probabilities(laid)[:, target].mean() > 2 * classifier.probabilities(grey)[:, target].mean()


def test_a_patch_learned_from_many_pictures_takes_no_more_at_once_than_go_through(classifier, images, monkeypatch):
    monkeypatch.setattr("vpc2.predict.tta.predict.CPU_PIXELS", 3 * classifier.preprocessing.size_px**2)
    passes = []
    hook = classifier.module.register_forward_pre_hook(lambda module, given: passes.append(len(given[0])))
    try:
        make_patch(classifier, images, 1, 8, steps=5)
    finally:
        hook.remove()
    assert len(images) > 3 and passes == [3] * 5


class Reddest(torch.nn.Module):
    """Two classes: the second where there is a red pixel."""

    def forward(self, x):
        red = (x[:, 0] - x[:, 1]).amax((1, 2)) * 10
        return torch.stack([torch.full_like(red, 5.0), red], 1)


@pytest.fixture
def reddest():
    return Classifier(Reddest(), Preprocessing(8, (0.0,) * 3, (1.0,) * 3), ("other", "red"))


def test_a_patch_is_judged_on_pictures_it_never_saw(reddest, monkeypatch):
    """A net that reads its answer off the brightest red: a red patch turns all into its class, a grey one none, in any chunks."""
    images, patch = torch.full((7, 3, 8, 8), 0.3), torch.zeros(3, 3, 3)
    images[2, 0] = 1.0  # red already
    patch[0] = 1.0
    found = judge_patch(reddest, patch, images, 1, ("identity", "flip_horizontal"))
    assert [(one.hits, one.n) for one in vars(found).values()] == [(1, 7), (1, 7), (7, 7), (7, 7)]
    monkeypatch.setattr("vpc2.predict.tta.predict.CPU_PIXELS", 8 * 8 * 2)
    assert judge_patch(reddest, patch, images, 1, ("identity", "flip_horizontal")) == found


def test_the_intervals_of_a_patch_count_people_as_those_of_the_other_attacks_do(reddest):
    """Uneven people, each of one picture many times over: the patch's intervals are those of the gradient attacks on the same answers."""
    groups, images = np.repeat(np.arange(6), [20, 3, 1, 9, 2, 5]), torch.full((40, 3, 8, 8), 0.3)
    images[np.isin(groups, (1, 3)), 0] = 1.0  # the pictures of two of the six
    labels = torch.zeros(40, dtype=torch.int64)
    found = judge_patch(reddest, torch.full((3, 2, 2), 0.5), images, 1, ("identity",), groups=groups)
    reached = accuracy_against(reddest, images, labels, "fgsm", target=1, groups=groups).reached[0]
    assert found.plain == found.grey == found.patched == found.merged == reached
    assert (reached.people, reached.hits, reached.n) == (6, 12, 40)
    of_people, of_pictures = (binomtest(hits, n).proportion_ci(method="wilson") for hits, n in ((2, 6), (12, 40)))
    assert reached.high - reached.low > of_people.high - of_people.low > of_pictures.high - of_pictures.low


def test_one_pixel_is_one_pixel_and_hurts(classifier, images):
    label = int(labels_of(classifier, images)[2])
    changed, row, column = attack_pixel(classifier, images[2], label)
    where = (changed != images[2]).any(0).nonzero().tolist()
    assert where == [[row, column]]
    assert classifier.probabilities(changed[None])[0, label] < classifier.probabilities(images[2:3])[0, label]


def surer(classifier, times):
    """Return the net whose logits are so many times as large: the same answers, only surer."""
    module = copy.deepcopy(classifier.module)
    with torch.no_grad():
        module[-1].weight.mul_(times)
        module[-1].bias.mul_(times)
    return Classifier(module, classifier.preprocessing, classifier.classes)


def in_doubles(classifier, images, labels):
    """Return the cross-entropy (B,) and its gradient in 64 bits, as log(1 + exp(m)), which does not round to zero before exp(m) does."""
    module, given = copy.deepcopy(classifier.module).double(), images.double().requires_grad_()
    logits = module(classifier.normalise(given))
    others = torch.stack([torch.cat([row[:label], row[label + 1 :]]) for row, label in zip(logits, labels.tolist(), strict=True)])
    losses = torch.nn.functional.softplus(others.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0])
    torch.testing.assert_close(losses, torch.nn.functional.cross_entropy(logits, labels, reduction="none"), rtol=1e-6, atol=1e-12)
    return losses.detach(), torch.autograd.grad(losses.sum(), given)[0]


@pytest.mark.parametrize("times", [1, 10, 100])
def test_the_direction_is_that_of_the_loss_in_doubles(classifier, images, times):
    """Of a net a hundred times as sure nothing is left of the loss in 32 bits."""
    sure, gradient = surer(classifier, times), MarginGradient()
    asked = lambda given: sure.module(sure.normalise(given))  # noqa: E731
    labels = labels_of(classifier, images)
    found = gradient(asked, images, labels).double()
    losses, wanted = in_doubles(sure, images, labels)
    unit = lambda vectors: vectors.flatten(1) / vectors.flatten(1).norm(dim=1, keepdim=True)  # noqa: E731
    assert not gradient.is_blind.any() and (losses > 0).all()
    assert (unit(found) * unit(wanted)).sum(1).min() > 0.99
    plain = loss_gradient(asked, images, labels)
    fine = torch.nn.functional.cross_entropy(asked(images), labels, reduction="none") > 0
    assert torch.equal(found.float()[fine], plain[fine])  # to the bit, where the loss has not vanished
    if times == 100:
        assert not fine.all(), "this net should be too sure for the loss"


@pytest.mark.parametrize("times", [10, 100, 1_000, 100_000])
@pytest.mark.parametrize("kind", ATTACKS)
def test_a_surer_net_of_the_same_answers_resists_no_better(classifier, kind, times):
    images = torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    labels, sure = labels_of(classifier, images), surer(classifier, times)
    epsilon = ATTACKS[kind].epsilons[4]
    left = [float((labels_of(net, attack(net, images, labels, kind, epsilon)) == labels).float().mean()) for net in (classifier, sure)]
    assert left[0] < 0.6 and left[1] <= left[0] + 0.1
    target = torch.full_like(labels, 4)
    reached = [
        float((labels_of(net, attack(net, images, target, kind, epsilon, is_targeted=True)) == 4).float().mean())
        for net in (classifier, sure)
    ]
    assert reached[1] >= reached[0] - 0.1
    curve = accuracy_against(sure, images, labels, kind)
    assert curve.blind == 0 and curve.accuracy[5].share == pytest.approx(left[1])


def test_margins_are_log_odds():
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.arange(50) % 7
    own = logits.softmax(1).gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close(margins(logits, labels), -torch.logit(own))


class Dead(torch.nn.Module):
    """A net whose gradient is zero: its last ReLU has died, or it rounds its input."""

    def __init__(self, is_rounding):
        super().__init__()
        self.is_rounding, self.dense = is_rounding, torch.nn.Linear(3 * 64, 5)

    def forward(self, x):
        seen = (8 * x).round() / 8 if self.is_rounding else torch.relu(-x - 1) * x
        return self.dense(seen.flatten(1))


@pytest.mark.parametrize("is_rounding", [False, True])
@pytest.mark.parametrize("kind", ATTACKS)
def test_an_attack_without_a_gradient_says_so(kind, is_rounding):
    torch.manual_seed(0)
    blind = Classifier(Dead(is_rounding).eval(), Preprocessing(8, (0.0,) * 3, (1.0,) * 3), tuple("abcde"))
    images = torch.rand(6, 3, 8, 8)
    labels = labels_of(blind, images)
    assert attack_with_result(blind, images, labels, kind, 0.1).is_blind.all()
    assert accuracy_against(blind, images, labels, kind).blind == 1
    assert is_grey(make_patch(blind, images, 1, 4, steps=3))


def test_of_some_pictures_the_gradient_may_be_zero(classifier, images):
    class Half(torch.nn.Module):
        """Lets the gradient of dark pictures through to nothing."""

        def forward(self, x):
            return torch.where(x.mean((1, 2, 3), keepdim=True) > 0, x, x.detach()).flatten(1)[:, :5]

    half = Classifier(Half(), Preprocessing(16, (0.5,) * 3, (1.0,) * 3), tuple("abcde"))
    given = torch.cat([images[2:4] * 0.5 + 0.5, images[2:4] * 0.3])
    labels = labels_of(half, given)
    found = attack_with_result(half, given, labels, "fgsm", 1 / 255)
    assert found.is_blind.tolist() == [False, False, True, True]
    assert accuracy_against(half, given, labels, "fgsm").blind == 0.5
    assert not is_grey(make_patch(classifier, images, 1, 8, steps=2))


def test_one_pixel_is_looked_for_in_a_sure_net_as_in_any_other(classifier, images):
    label = int(labels_of(classifier, images)[2])
    found = attack_pixel(classifier, images[2], label)
    again = attack_pixel(surer(classifier, 1_000), images[2], label)
    assert found[1:] == again[1:] and torch.equal(found[0], again[0])
