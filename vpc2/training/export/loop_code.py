"""Code of the training loop for the script of a run: optimiser, schedule, loss, validation, best weights. Standard library only."""

from __future__ import annotations

from vpc2.predict.spec import Backbone
from vpc2.sources import Carrier, Unavailable
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.schedule import SCHEDULES
from vpc2.training.spec import Recipe

CURVE_NAME = "curve.csv"

_LOOP = '''
optimiser = {optimiser}({parameters}, {arguments})
order = torch.Generator().manual_seed(seed_of(SEED, "order"))
batch_size = min(BATCH_SIZE, len(train))
steps_per_epoch = min(math.ceil(len(train) / batch_size), len(train) // 2)
{more}

def rate(step):
{rate}

def score(index):
    """Return loss and accuracy on pictures that are not learned from, or None without any."""
    net.eval()
    loss, hits = 0.0, 0
    with torch.no_grad():
        for part in torch.from_numpy(index).split(64):
            logits = {answer}
            loss += cross_entropy(logits, labels[part], reduction="sum").item()
            hits += int((logits.softmax(1).argmax(1) == labels[part]).sum())
    return (loss / len(index), hits / len(index)) if len(index) else None


# --- the loop
step, best, rows, waited = 0, (-1.0, -math.inf), [], 0
best_state, best_epoch = {{name: value.clone() for name, value in net.state_dict().items()}}, 0
for epoch in range(1, EPOCHS + 1):
    net.train()
    shuffled = {shuffled}
    for index in shuffled.tensor_split(steps_per_epoch):
        if step == {last}:
            break
        {batch}
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        logits = {logits}
        loss = {loss}
        optimiser.zero_grad()
        loss.backward()
{clip}        optimiser.step()
        step += 1
        accuracy = int((logits.argmax(1) == {shown}).sum()) / len(index)
        rows.append({{"step": step, "epoch": epoch, "loss": loss.item(), "accuracy": accuracy, "learning_rate": rate(step - 1)}})
{unscored}    found = score(validation)
    if found is not None:
        print("epoch {{}}: validation loss {{:.4f}}, accuracy {{:.1%}}".format(epoch, *found))
    waited += 1
    if found is None or math.isfinite(found[0]) and (found[1], -found[0]) > best:
        best, waited = best if found is None else (found[1], -found[0]), 0
        best_state, best_epoch = {{name: value.clone() for name, value in net.state_dict().items()}}, epoch
    if step == {last}{patience}:
        break

{kept}net.load_state_dict(best_state)
found = score(test)
if found is not None:
    print("test loss {{:.4f}}, accuracy {{:.1%}}".format(*found))
with (HERE / "{curve}").open("w", newline="") as file:
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
'''
_RATE = "    return LEARNING_RATE * {factor}(step / max(STEPS - 1, 1){steps})\n"
_RECORDED = '''    """{why}"""
    return float(data["rates"][step])
'''
_CLOCKED = "The seconds ended this run, not its epochs, so its schedule followed the clock: these are the rates it really had."
_UNWRITTEN = "This schedule cannot be written as a function: these are the rates that the run had."
_UNSCORED = """    if step == LAST:  # it ended in the middle of this epoch
        break
"""
_KEPT = "if best_epoch == 0:  # it was stopped before the first epoch was over\n    best_state = net.state_dict()\n"


def loop_code(
    recipe: Recipe, carrier: Carrier, *, steps: int | None, last: int | None, is_scored: bool, is_stopped: bool, knows_features: bool
) -> str:
    """Return the code from the optimiser to writing the curve's file.

    `steps` is the number of steps if the time budget ended the run, otherwise None; `last` the step after which the run was stopped
    or failed, otherwise None; `is_scored` is True if that step was the last of a validated epoch.
    """
    settings, entry = recipe.settings, OPTIMISERS[recipe.settings["optimiser"]]
    more = [f"STEPS = {steps if steps is not None else 'steps_per_epoch * EPOCHS'}"]
    if last is not None:
        more.append(f"LAST = {last}  # the run did not go on after this step")
    clip = f"        nn.utils.clip_grad_norm_(net.parameters(), {settings['clip_norm']})\n" if settings["clip_norm"] else ""
    batch, shown = _batch(recipe, knows_features)
    is_head_only = isinstance(recipe.net, Backbone) and recipe.net.is_frozen
    return _LOOP.format(
        optimiser=carrier.name_of(entry.target),
        parameters="net.head.parameters()" if is_head_only else "net.parameters()",
        arguments=", ".join(f"{name}={value}" for name, value in entry.arguments(settings).items()),
        more="\n".join([*more, *_balance(recipe)]) + "\n",
        rate=_rate(recipe, carrier, is_clocked=steps is not None),
        answer="net.head(features[part])" if knows_features else "ask(pictures(part))",
        logits="net.head(features[index])" if knows_features else "ask(batch)",
        shuffled=_shuffled(settings["balance"]),
        last="STEPS" if last is None else "LAST",
        batch=batch,
        shown=shown,
        loss=_loss(recipe, carrier),
        clip=clip,
        unscored=_UNSCORED if last is not None and not is_scored else "",
        patience=f" or len(validation) and waited >= {settings['patience']}" if settings["patience"] else "",
        kept=_KEPT if is_stopped else "",
        curve=CURVE_NAME,
    )


def _rate(recipe: Recipe, carrier: Carrier, *, is_clocked: bool) -> str:
    """Return the body of `rate(step)`: the schedule's function, or a look-up in the data file if no function gives the rates."""
    if is_clocked:
        return _RECORDED.format(why=_CLOCKED)
    schedule = SCHEDULES[recipe.settings["schedule"]]
    try:
        return _RATE.format(factor=carrier.add_function(schedule.factor, "factor"), steps=", STEPS" if schedule.takes_steps else "")
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
        "sizes = torch.bincount(labels[train], minlength=len(classes)).tolist()",
        "shares = torch.tensor([len(train) / (len(classes) * max(size, 1)) for size in sizes])",
    ]
    if balance == "weights":
        return [*lines, "weights = shares  # rare classes weigh more"]
    return [*lines, "chances = shares[labels[train]]  # rare classes are drawn more often"]


def _mixes(recipe: Recipe) -> bool:
    return recipe.is_online and recipe.augmentation is not None and recipe.augmentation.mix is not None


def _loss(recipe: Recipe, carrier: Carrier) -> str:
    """Return the loss expression: torch's, or `losses.loss_of` where class weights and smoothing (or mixing) are combined."""
    smoothing, is_weighed = recipe.settings["label_smoothing"], recipe.settings["balance"] == "weights"
    if is_weighed and (smoothing or _mixes(recipe)):
        return f"{carrier.add('vpc2.training.trainer.losses.loss_of')}(logits, truth, weights, {smoothing})"
    given = [*(["weight=weights"] if is_weighed else []), *([f"label_smoothing={smoothing}"] if smoothing else [])]
    return f"cross_entropy({', '.join(['logits', 'truth', *given])})"


def _shuffled(balance: str) -> str:
    even = "train[torch.randperm(len(train), generator=order)]"
    if balance != "sampling":
        return even
    drawn = "train[torch.multinomial(chances, len(train), replacement=True, generator=order)]"
    return f"{drawn} if len(set(sizes)) > 1 else {even}"


def _batch(recipe: Recipe, knows_features: bool) -> tuple[str, str]:
    """Return the lines that make a batch and its labels, and what counts as the right answer."""
    if knows_features:
        return "truth = labels[index]", "truth"
    lines, shown = ["batch, truth = pictures(index), labels[index]"], "truth"
    if recipe.is_online:
        lines = ["seed = seed_of(SEED, PIPELINE_SEED, step)", "batch, truth = augment(pictures(index), seed), labels[index]"]
        if _mixes(recipe):
            lines.append("batch, truth = mix(batch, truth, seed)")
            shown = "(truth if truth.ndim == 1 else truth.argmax(1))"
    if recipe.is_attacked:
        lines.append("batch = attack(batch, truth, step)")
    return "\n        ".join(lines), shown
