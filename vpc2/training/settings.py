"""The settings of a recipe, one literal each, and their groups in the form. Imports the standard library only."""

from __future__ import annotations

from vpc2.augment.spec import SEED
from vpc2.catalog import Entry
from vpc2.knobs import Choice, Number, Whole
from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.text import Text
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.schedule import SCHEDULES

SETTINGS = Entry(
    key="settings",
    title=Text("Settings"),
    help=Text("How the net is trained."),
    knobs=(
        Choice(
            key="optimiser",
            title=Text("Optimiser"),
            default="adamw",
            options=OPTIMISERS.titles(),
            help=Text("The rule that turns gradients into steps."),
        ),
        Number(
            key="learning_rate",
            title=Text("Learning rate"),
            default=0.002,
            low=1e-6,
            high=1.0,
            step=1e-4,
            aliases=("lr",),
            help=Text("How far one step goes."),
        ),
        Number(
            key="momentum",
            title=Text("Momentum"),
            default=0.9,
            low=0.0,
            high=0.999,
            help=Text("How much of the last steps goes into the next one; of SGD only."),
        ),
        Choice(
            key="schedule",
            title=Text("Schedule of the rate"),
            default="one_cycle",
            options=SCHEDULES.titles(),
            help=Text("How the learning rate changes from the first step to the last."),
        ),
        Number(
            key="weight_decay",
            title=Text("Weight decay"),
            default=0.01,
            low=0.0,
            high=1.0,
            help=Text("How strongly weights are pulled to zero."),
        ),
        Number(
            key="label_smoothing",
            title=Text("Label smoothing"),
            default=0.0,
            low=0.0,
            high=0.5,
            help=Text("Share of the certainty given to the other classes."),
        ),
        Whole(
            key="batch_size",
            title=Text("Batch size"),
            default=64,
            low=2,
            high=1024,
            help=Text("Pictures looked at before each step."),
        ),
        Number(
            key="budget_s",
            title=Text("Time budget"),
            default=25.0,
            low=1.0,
            high=600.0,
            step=1.0,
            unit="s",
            help=Text(
                "No step is begun after this many seconds, nor after the epochs below. A last validation, the test and saving come on top."
            ),
        ),
        Whole(
            key="epochs",
            title=Text("Epochs at most"),
            default=200,
            low=1,
            high=10_000,
            help=Text("One epoch shows every training picture once."),
        ),
        Whole(
            key="size_px",
            title=Text("Side of the pictures"),
            default=32,
            low=8,
            high=256,  # AlexNet takes 227
            unit="px",
            help=Text("Pictures are resized to this square. Choosing a net sets it to the side that the net was made for."),
        ),
        Number(
            key="train_share",
            title=Text("Share to train on"),
            default=0.6,
            low=0.01,
            high=0.6,
            help=Text("Share of the pictures (or of the people) that the net may see; 20 % validate and 20 % test, always the same ones."),
        ),
        Number(
            key="clip_norm",
            title=Text("Gradient clipping"),
            default=0.0,
            low=0.0,
            high=100.0,
            step=0.1,
            help=Text("Gradients longer than this (all weights together) are shortened to it; 0 leaves them alone."),
        ),
        Whole(
            key="patience",
            title=Text("Patience (epochs)"),
            default=0,
            low=0,
            high=1000,
            help=Text("Early stopping: ends the run after so many epochs without a better validation; 0 never does."),
        ),
        Choice(
            key="precision",
            title=Text("Precision"),
            default="auto",
            options={
                "auto": Text("What this device is quickest with"),
                "float32": Text("32 bits"),
                "bf16": Text("Mixed, bfloat16"),
            },
            help=Text(
                "Mixed precision is quicker on GPUs that have it; on this kind of CPU it is slower, so it is not used there by itself."
            ),
        ),
        Choice(
            key="augment",
            title=Text("When to augment"),
            default="online",
            options={
                "online": Text("Online: every batch anew"),
                "offline": Text("Offline: copies made before"),
                "both": Text("Both"),
            },
            help=Text("Online, no picture is ever seen twice and every step costs more; offline, copies are made once and take memory."),
        ),
        Whole(
            key="copies",
            title=Text("Copies of a picture"),
            default=3,
            low=1,
            high=20,
            help=Text("Augmented copies of each training picture, made offline."),
        ),
        Choice(
            key="balance",
            title=Text("Class balancing"),
            default="none",
            options={
                "none": Text("None"),
                "weights": Text("Rare classes weigh more in the loss"),
                "sampling": Text("Rare classes are drawn more often"),
                "augmentation": Text("Augmented copies of rare classes"),
            },
            help=Text("What is done where classes have different numbers of pictures."),
        ),
        Number(
            key="imbalance",
            title=Text("Imbalance made"),
            default=1.0,
            low=1.0,
            high=100.0,
            step=1.0,
            unit="×",
            help=Text(
                "Takes training pictures away, class by class, until the first has this many times as many as the last; 1 takes none."
            ),
        ),
        Choice(
            key="adversary",
            title=Text("Adversarial training"),
            default="none",
            options=ATTACKS.titles({"none": Text("No attack")}),
            help=Text(
                "Part of every batch is attacked with the net as it is at that step, and learned with its true label: an augmentation "
                "that looks for the worst change. It resists attacks afterwards; a step costs as many more passes as the attack has steps."
            ),
        ),
        Number(
            key="adversary_epsilon",
            title=Text("Epsilon of the attack"),
            default=0.03,
            low=0.0,
            high=8.0,
            step=0.01,
            help=Text(
                "The largest change of any value in [0, 1] (0.03 is 8 of 255), or the length of the whole change where that is bounded."
            ),
        ),
        Number(
            key="adversary_share",
            title=Text("Share that is attacked"),
            default=0.5,
            low=0.05,
            high=1.0,
            step=0.05,
            help=Text("Of each batch; the rest is learned as it is, which keeps the accuracy on pictures that nobody attacks."),
        ),
        SEED,
    ),
)


# Layout of the form: `BESIDE_NET` stands below the choice of the net, `AT_ONCE` are always visible, the others in their group.
BESIDE_NET = ("size_px",)
AT_ONCE = ("budget_s", "seed")
GROUPS: dict[str, tuple[Text, tuple[str, ...]]] = {
    "steps": (
        Text("Optimiser"),
        ("optimiser", "learning_rate", "schedule", "momentum", "weight_decay", "clip_norm", "batch_size", "precision"),
    ),
    "data": (Text("Data and split"), ("train_share", "imbalance", "balance", "label_smoothing")),
    "length": (Text("Length", context="of a training"), ("epochs", "patience")),
    "adversary": (Text("Attacks"), ("adversary", "adversary_epsilon", "adversary_share")),
    "augmentation": (Text("Augmentation"), ("augment", "copies")),
}
