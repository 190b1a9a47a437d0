import pytest

from vpc2.training.verdicts import verdicts


def record(train, val, accuracy=None, classes=10, train_accuracy=None):
    events = [{"n": 0, "t": 0, "type": "start", "classes": [str(i) for i in range(classes)]}]
    events.append({"type": "step", "step": 1, "epoch": 1, "loss": train[0], "accuracy": 0.1, "learning_rate": 0.002, "t": 0})
    best = -1
    for i, (a, b) in enumerate(zip(train, val, strict=True)):
        score = accuracy[i] if accuracy else 0.5
        events.append(
            {
                "type": "epoch",
                "epoch": i + 1,
                "step": i + 1,
                "t": i,
                "train_loss": a,
                "train_accuracy": train_accuracy[i] if train_accuracy else score,
                "val_loss": b,
                "val_accuracy": score,
                "is_best": score > best,
            }
        )
        best = max(best, score)
    return events


def said(*args, **kwargs):
    texts = verdicts(record(*args, **kwargs))
    assert all(text.es and text.es != text.en for text in texts)
    return " ".join(text.en for text in texts)


def test_flat_loss_is_said_with_its_numbers():
    words = said([2.31, 2.30, 2.30, 2.31, 2.30, 2.30, 2.30], [2.3] * 7)
    assert "flat: 2.31 in the first epoch, 2.30 in the last, and guessing gives 2.30" in words and "0.002" in words


def test_overfitting_names_the_epoch_of_the_lowest_validation_loss():
    words = said([2, 1, 0.6, 0.4, 0.2, 0.1, 0.05, 0.02], [2, 1.2, 0.9, 0.8, 0.9, 1.1, 1.2, 1.3])
    assert "Overfitting since epoch 4: validation loss rose from 0.80 to 1.20" in words


def test_still_improving():
    val = [2.0, 1.7, 1.5, 1.3, 1.1, 0.95, 0.8, 0.68, 0.58]
    words = said(val, val)
    assert "still improving" in words and "Overfitting" not in words


def test_the_gap_between_known_and_new_pictures():
    words = said([2, 1, 0.5, 0.2, 0.1, 0.1, 0.1], [2, 1.5, 1.3, 1.2, 1.2, 1.2, 1.2], accuracy=[0.6] * 7, train_accuracy=[0.99] * 7)
    assert "99.0% in training, 60.0% in validation" in words


def test_the_best_epoch_is_named_when_it_is_not_the_last():
    words = said([1.0] * 7, [1.0] * 7, accuracy=[0.1, 0.2, 0.9, 0.8, 0.8, 0.8, 0.8])
    assert "epoch 3" in words and "90.0%" in words


@pytest.mark.parametrize("events", [[], record([2.0], [2.0]), record([2.0, 1.0], [None, None])])
def test_few_numbers_say_nothing(events):
    assert verdicts(events) == ()


def test_a_run_that_went_well_is_not_scolded():
    words = said([2, 1, 0.5, 0.3, 0.25, 0.24, 0.23], [2, 1.1, 0.5, 0.33, 0.31, 0.31, 0.31], accuracy=[0.2, 0.5, 0.8, 0.9, 0.91, 0.92, 0.93])
    assert words == ""
