"""What a net answered, held against scikit-learn and numpy."""

import numpy as np
import torch
from sklearn.metrics import accuracy_score, confusion_matrix

from vpc2.training.runs.snapshot import MAX_MISTAKES
from vpc2.training.trainer.evaluation import Score, find_mistakes, to_bytes

RNG = np.random.default_rng(3)
PROBABILITIES = RNG.dirichlet(np.full(4, 0.7), 80).astype(np.float32)
LABELS = RNG.integers(0, 4, 80)
INDEX = RNG.permutation(200)[:80]
SCORE = Score(INDEX, LABELS, PROBABILITIES, 1.0, 0.1)


def test_a_score_is_scikit_learns():
    answers = PROBABILITIES.argmax(1)
    assert (
        SCORE.confusion() == confusion_matrix(LABELS, answers, labels=range(4)).tolist()
        and SCORE.confusion() != np.array(SCORE.confusion()).T.tolist()
    )
    assert SCORE.accuracy == accuracy_score(LABELS, answers) and SCORE.hits.tolist() == (answers == LABELS).tolist()


def test_mistakes_are_the_wrong_answers_that_the_net_is_surest_of():
    pixels = torch.from_numpy(RNG.random((200, 3, 4, 4)).astype(np.float32))
    found = find_mistakes(SCORE, lambda index: pixels[index])
    wrong = sorted(np.flatnonzero(PROBABILITIES.argmax(1) != LABELS), key=lambda i: -PROBABILITIES[i].max())[:MAX_MISTAKES]
    assert [one.index for one in found] == INDEX[wrong].tolist()
    for one, i in zip(found, wrong, strict=True):
        assert (one.true, one.predicted) == (LABELS[i], PROBABILITIES[i].argmax()) and one.true != one.predicted
        np.testing.assert_array_equal(one.picture, np.round(pixels[INDEX[i]].permute(1, 2, 0).numpy() * 255).astype(np.uint8))
    assert find_mistakes(None, None) == ()


def test_bytes_are_numpys():
    images = torch.tensor([[[[-0.5, 0.0], [0.5, 2.0]]]]).expand(1, 3, 2, 2)
    assert to_bytes(images)[0, ..., 0].tolist() == [[0, 0], [128, 255]]
