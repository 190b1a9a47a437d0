"""Code of the training loop for the script of a run: optimiser, schedule, loss, validation, best weights. Standard library only."""

from __future__ import annotations

from vpc2.predict.spec import Backbone
from vpc2.sources import Carrier, Unavailable
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.schedule import SCHEDULES
from vpc2.training.spec import Recipe

CURVE_NAME = "curve.csv"

_LOOP = '''
optimizer = {optimizer}({parameters}, {arguments})
shuffle_generator = torch.Generator().manual_seed(seed_of(SEED, "order"))
batch_size = min(BATCH_SIZE, len(train))
steps_per_epoch = min(math.ceil(len(train) / batch_size), len(train) // 2)
{constants}

def learning_rate_at(step):
{learning_rate}

def evaluate(indices):
    """Return loss and accuracy on the images of these indices, or None without any."""
    net.eval()
    total_loss, correct = 0.0, 0
    with torch.no_grad():
        for index in torch.from_numpy(indices).split(64):
            logits = {evaluation_logits}
            total_loss += cross_entropy(logits, labels[index], reduction="sum").item()
            correct += int((logits.softmax(1).argmax(1) == labels[index]).sum())
    return (total_loss / len(indices), correct / len(indices)) if len(indices) else None


# --- training loop
step, best_score, history, epochs_without_improvement = 0, (-1.0, -math.inf), [], 0
best_state, best_epoch = {{name: value.clone() for name, value in net.state_dict().items()}}, 0
for epoch in range(1, EPOCHS + 1):
    net.train()
    shuffled = {shuffled}
    for index in shuffled.tensor_split(steps_per_epoch):
        if step == {last}:
            break
        {batch}
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step)
        logits = {logits}
        loss = {loss}
        optimizer.zero_grad()
        loss.backward()
{clip}        optimizer.step()
        step += 1
        accuracy = int((logits.argmax(1) == {classes}).sum()) / len(index)
        learning_rate = learning_rate_at(step - 1)
        history.append({{"step": step, "epoch": epoch, "loss": loss.item(), "accuracy": accuracy, "learning_rate": learning_rate}})
{unvalidated}    validation_result = evaluate(validation)
    if validation_result is not None:
        print("epoch {{}}: validation loss {{:.4f}}, accuracy {{:.1%}}".format(epoch, *validation_result))
        validation_loss, validation_accuracy = validation_result
    epochs_without_improvement += 1
    if validation_result is None or math.isfinite(validation_loss) and (validation_accuracy, -validation_loss) > best_score:
        epochs_without_improvement = 0
        if validation_result is not None:
            best_score = validation_accuracy, -validation_loss
        best_state, best_epoch = {{name: value.clone() for name, value in net.state_dict().items()}}, epoch
    if step == {last}{patience}:
        break

{final_state}net.load_state_dict(best_state)
test_result = evaluate(test)
if test_result is not None:
    print("test loss {{:.4f}}, accuracy {{:.1%}}".format(*test_result))
with (HERE / "{curve}").open("w", newline="") as file:
    writer = csv.DictWriter(file, list(history[0]))
    writer.writeheader()
    writer.writerows(history)
'''
_FACTOR = "    return LEARNING_RATE * {factor}(step / max(STEPS - 1, 1){steps})\n"
_RECORDED = '''    """{why}"""
    return float(data["rates"][step])
'''
_CLOCKED = "The time budget ended this run, not its epochs, so its schedule followed the clock: these are the recorded learning rates."
_UNWRITTEN = "This schedule cannot be written as a function: these are the learning rates of the run."
_UNVALIDATED = """    if step == LAST:  # the run ended in the middle of this epoch
        break
"""
_FINAL_STATE = "if best_epoch == 0:  # the run was stopped before the end of its first epoch\n    best_state = net.state_dict()\n"


def loop_code(
    recipe: Recipe, carrier: Carrier, *, steps: int | None, last: int | None, is_scored: bool, is_stopped: bool, knows_features: bool
) -> str:
    """Return the code from the optimiser to writing the curve's file.

    `steps` is the number of steps if the time budget ended the run, otherwise None; `last` the step after which the run was stopped
    or failed, otherwise None; `is_scored` is True if that step was the last of a validated epoch.
    """
    settings, entry = recipe.settings, OPTIMISERS[recipe.settings["optimiser"]]
    constants = [f"STEPS = {steps if steps is not None else 'steps_per_epoch * EPOCHS'}"]
    if last is not None:
        constants.append(f"LAST = {last}  # the last step of the run")
    clip = f"        nn.utils.clip_grad_norm_(net.parameters(), {settings['clip_norm']})\n" if settings["clip_norm"] else ""
    batch, classes = _batch(recipe, knows_features)
    is_head_only = isinstance(recipe.net, Backbone) and recipe.net.is_frozen
    return _LOOP.format(
        optimizer=carrier.name_of(entry.target),
        parameters="net.head.parameters()" if is_head_only else "net.parameters()",
        arguments=", ".join(f"{name}={value}" for name, value in entry.arguments(settings).items()),
        constants="\n".join([*constants, *_balance(recipe)]) + "\n",
        learning_rate=_learning_rate(recipe, carrier, is_clocked=steps is not None),
        evaluation_logits="net.head(features[index])" if knows_features else "predict_logits(load_images(index))",
        logits="net.head(features[index])" if knows_features else "predict_logits(batch)",
        shuffled=_shuffled(settings["balance"]),
        last="STEPS" if last is None else "LAST",
        batch=batch,
        classes=classes,
        loss=_loss(recipe, carrier),
        clip=clip,
        unvalidated=_UNVALIDATED if last is not None and not is_scored else "",
        patience=f" or len(validation) and epochs_without_improvement >= {settings['patience']}" if settings["patience"] else "",
        final_state=_FINAL_STATE if is_stopped else "",
        curve=CURVE_NAME,
    )


def _learning_rate(recipe: Recipe, carrier: Carrier, *, is_clocked: bool) -> str:
    """Return the body of `learning_rate_at(step)`: the schedule's function, or a look-up in the data file without such a function."""
    if is_clocked:
        return _RECORDED.format(why=_CLOCKED)
    schedule = SCHEDULES[recipe.settings["schedule"]]
    try:
        return _FACTOR.format(factor=carrier.add_function(schedule.factor, "factor"), steps=", STEPS" if schedule.takes_steps else "")
    except Unavailable:
        return _RECORDED.format(why=_UNWRITTEN)


def is_written(schedule: str) -> bool:
    """True if the source of a schedule (by its key) can be included in a script."""
    try:
        Carrier().add_function(SCHEDULES[schedule].factor, "factor")
    except Unavailable:
        return False
    return True


def _balance(recipe: Recipe) -> list[str]:
    """Return the lines that compute class weights or sampling weights."""
    balance = recipe.settings["balance"]
    if balance not in ("weights", "sampling"):
        return []
    lines = [
        "class_counts = torch.bincount(labels[train], minlength=len(classes)).tolist()",
        "class_weights = torch.tensor([len(train) / (len(classes) * max(count, 1)) for count in class_counts])",
    ]
    if balance == "weights":
        return lines
    return [*lines, "sampling_weights = class_weights[labels[train]]  # images of rare classes are drawn more often"]


def _mixes(recipe: Recipe) -> bool:
    return recipe.is_online and recipe.augmentation is not None and recipe.augmentation.mix is not None


def _loss(recipe: Recipe, carrier: Carrier) -> str:
    """Return the loss expression: torch's, or `losses.loss_of` where class weights and smoothing (or mixing) are combined."""
    smoothing, is_weighed = recipe.settings["label_smoothing"], recipe.settings["balance"] == "weights"
    if is_weighed and (smoothing or _mixes(recipe)):
        return f"{carrier.add('vpc2.training.trainer.losses.loss_of')}(logits, targets, class_weights, {smoothing})"
    options = [*(["weight=class_weights"] if is_weighed else []), *([f"label_smoothing={smoothing}"] if smoothing else [])]
    return f"cross_entropy({', '.join(['logits', 'targets', *options])})"


def _shuffled(balance: str) -> str:
    permuted = "train[torch.randperm(len(train), generator=shuffle_generator)]"
    if balance != "sampling":
        return permuted
    sampled = "train[torch.multinomial(sampling_weights, len(train), replacement=True, generator=shuffle_generator)]"
    return f"{sampled} if len(set(class_counts)) > 1 else {permuted}"


def _batch(recipe: Recipe, knows_features: bool) -> tuple[str, str]:
    """Return the lines that make a batch and its targets, and the expression of the targets' classes."""
    if knows_features:
        return "targets = labels[index]", "targets"
    lines, classes = ["batch, targets = load_images(index), labels[index]"], "targets"
    if recipe.is_online:
        lines = ["seed = seed_of(SEED, PIPELINE_SEED, step)", "batch, targets = augment(load_images(index), seed), labels[index]"]
        if _mixes(recipe):
            lines.append("batch, targets = mix(batch, targets, seed)")
            classes = "(targets if targets.ndim == 1 else targets.argmax(1))"
    if recipe.is_attacked:
        lines.append("batch = attack(batch, targets, step)")
    return "\n        ".join(lines), classes
