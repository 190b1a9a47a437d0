"""Asking in many views: held against ttach on a real net."""

import pytest
import torch
import ttach

from vpc2.nets.module import build_net
from vpc2.nets.presets import NETS
from vpc2.predict.classifier import Classifier, Preprocessing
from vpc2.predict.tta.merges import MERGES
from vpc2.predict.tta.predict import images_at_once, merge, predict_views
from vpc2.predict.tta.views import VIEW_SETS

CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(3)
    module = build_net(NETS["tiny"].net)
    with torch.no_grad():
        module[-1].weight.mul_(8)  # an untrained net answers everything alike
    channels, size, _ = NETS["tiny"].net.input
    return Classifier(module, Preprocessing(size_px=size, mean=(0.4,) * channels, std=(0.3,) * channels, channels=channels), CLASSES)


@pytest.fixture(scope="module")
def images(classifier):
    size = classifier.preprocessing.size_px
    return torch.rand(7, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_the_mean_over_views_is_ttachs(classifier, images):
    asked = torch.nn.Module()
    asked.forward = classifier.probabilities
    transforms = ttach.Compose([ttach.HorizontalFlip(), ttach.Rotate90([0, 90, 180, 270])])
    wanted = ttach.ClassificationTTAWrapper(asked, transforms, merge_mode="mean")(images)
    # All eight symmetries of the square; ttach's mirrored ones are asked by mirroring the pictures here.
    turns = ("identity", "turn_90", "turn_180", "turn_270")
    straight, mirrored = predict_views(classifier, images, turns), predict_views(classifier, images.flip(-1), turns)
    ours = (merge(straight) + merge(mirrored)) / 2
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=0)


def test_the_identity_alone_is_the_plain_answer(classifier, images):
    answers = predict_views(classifier, images, is_plain_timed=True)
    torch.testing.assert_close(answers.probabilities[0], classifier.probabilities(images))
    assert answers.plain_ms > 0 and answers.total_ms > 0


def test_chunks_change_nothing(classifier, images, monkeypatch):
    views = VIEW_SETS["standard"].views
    whole = predict_views(classifier, images, views).logits
    monkeypatch.setattr("vpc2.predict.tta.predict.CPU_PIXELS", classifier.preprocessing.size_px**2 * 3)
    assert images_at_once(classifier) == 3
    passes = []
    hook = classifier.module.register_forward_pre_hook(lambda module, given: passes.append(len(given[0])))
    try:
        torch.testing.assert_close(predict_views(classifier, images, views).logits, whole, atol=1e-5, rtol=1e-5)
    finally:
        hook.remove()
    assert max(passes) <= 3 and sum(passes) == len(views) * len(images)


@pytest.mark.parametrize("how", MERGES)
def test_merged_answers_are_probabilities_and_one_view_is_itself(classifier, images, how):
    answers = predict_views(classifier, images, VIEW_SETS["light"].views)
    torch.testing.assert_close(merge(answers, how).sum(-1), torch.ones(len(images)))
    one = merge(answers, how, ("darker",))
    assert torch.equal(one.argmax(-1), answers.probabilities[answers.views.index("darker")].argmax(-1))


def test_a_vote_and_a_mean_may_differ(classifier):
    from vpc2.predict.tta.merges import majority_vote, mean_of_probabilities

    logits = torch.tensor([[[0.1, 0.0]], [[0.1, 0.0]], [[-9.0, 9.0]]])
    assert majority_vote(logits).argmax() == 0
    assert mean_of_probabilities(logits).argmax() == 1
