"""Every setting of a recipe, and how the form groups them: one literal each. Standard library only."""

from __future__ import annotations

from vpc2.augment.spec import SEED
from vpc2.catalog import Entry
from vpc2.knobs import Choice, Number, Whole
from vpc2.predict.adversarial.catalog import ATTACKS
from vpc2.training.optimisers import OPTIMISERS
from vpc2.training.schedule import SCHEDULES
from vpc2.words import Text

SETTINGS = Entry(
    key="settings",
    title=Text("Settings", "Ajustes"),
    help=Text("How the net is trained.", "Cómo se entrena la red."),
    knobs=(
        Choice(
            key="optimiser",
            title=Text("Optimiser", "Optimizador"),
            default="adamw",
            options={key: entry.title for key, entry in OPTIMISERS.items()},
            help=Text("The rule that turns gradients into steps.", "La regla que convierte los gradientes en pasos."),
        ),
        Number(
            key="learning_rate",
            title=Text("Learning rate", "Tasa de aprendizaje"),
            default=0.002,
            low=1e-6,
            high=1.0,
            step=1e-4,
            aliases=("lr",),
            help=Text("How far one step goes.", "Qué tan lejos va un paso."),
        ),
        Number(
            key="momentum",
            title=Text("Momentum", "Momento"),
            default=0.9,
            low=0.0,
            high=0.999,
            help=Text(
                "How much of the last steps goes into the next one; of SGD only.",
                "Cuánto de los últimos pasos entra en el siguiente; solo para SGD.",
            ),
        ),
        Choice(
            key="schedule",
            title=Text("Schedule of the rate", "Esquema de la tasa"),
            default="one_cycle",
            options={key: entry.title for key, entry in SCHEDULES.items()},
            help=Text(
                "How the learning rate changes from the first step to the last.",
                "Cómo cambia la tasa de aprendizaje del primer paso al último.",
            ),
        ),
        Number(
            key="weight_decay",
            title=Text("Weight decay", "Decaimiento de pesos"),
            default=0.01,
            low=0.0,
            high=1.0,
            help=Text("How strongly weights are pulled to zero.", "Con cuánta fuerza se llevan los pesos hacia cero."),
        ),
        Number(
            key="label_smoothing",
            title=Text("Label smoothing", "Suavizado de etiquetas"),
            default=0.0,
            low=0.0,
            high=0.5,
            help=Text("Share of the certainty given to the other classes.", "Parte de la certeza que se reparte entre las otras clases."),
        ),
        Whole(
            key="batch_size",
            title=Text("Batch size", "Tamaño del lote"),
            default=64,
            low=2,
            high=1024,
            help=Text("Pictures looked at before each step.", "Imágenes que se miran antes de cada paso."),
        ),
        Number(
            key="budget_s",
            title=Text("Time budget", "Presupuesto de tiempo"),
            default=25.0,
            low=1.0,
            high=600.0,
            step=1.0,
            unit="s",
            help=Text(
                "No step is begun after this many seconds, nor after the epochs below. A last validation, the test and saving come on top.",
                "No empieza ningún paso después de estos segundos, ni de las épocas de abajo. Una última validación, la prueba y el "
                "guardado van aparte.",
            ),
        ),
        Whole(
            key="epochs",
            title=Text("Epochs at most", "Épocas como máximo"),
            default=200,
            low=1,
            high=10_000,
            help=Text("One epoch shows every training picture once.", "Una época muestra cada imagen de entrenamiento una vez."),
        ),
        Whole(
            key="size_px",
            title=Text("Side of the pictures", "Lado de las imágenes"),
            default=32,
            low=8,
            high=224,
            unit="px",
            help=Text("Pictures are resized to this square.", "Las imágenes se llevan a este cuadrado."),
        ),
        Number(
            key="train_share",
            title=Text("Share to train on", "Parte para entrenar"),
            default=0.6,
            low=0.01,
            high=0.6,
            help=Text(
                "Share of the pictures (or of the people) that the net may see; 20 % validate and 20 % test, always the same ones.",
                "Parte de las imágenes (o de las personas) que la red puede ver; 20 % valida y 20 % prueba, siempre las mismas.",
            ),
        ),
        Number(
            key="clip_norm",
            title=Text("Gradient clipping", "Recorte de gradientes"),
            default=0.0,
            low=0.0,
            high=100.0,
            step=0.1,
            help=Text(
                "Gradients longer than this (all weights together) are shortened to it; 0 leaves them alone.",
                "Los gradientes más largos que esto (todos los pesos juntos) se acortan hasta ahí; 0 los deja como están.",
            ),
        ),
        Whole(
            key="patience",
            title=Text("Patience (epochs)", "Paciencia (épocas)"),
            default=0,
            low=0,
            high=1000,
            help=Text(
                "Early stopping: ends the run after so many epochs without a better validation; 0 never does.",
                "Parada temprana: termina después de tantas épocas sin mejor validación; con 0, nunca.",
            ),
        ),
        Choice(
            key="precision",
            title=Text("Precision", "Precisión"),
            default="auto",
            options={
                "auto": Text("What this device is quickest with", "Lo más rápido en este dispositivo"),
                "float32": Text("32 bits", "32 bits"),
                "bf16": Text("Mixed, bfloat16", "Mixta, bfloat16"),
            },
            help=Text(
                "Mixed precision is quicker on GPUs that have it; on this kind of CPU it is slower, so it is not used there by itself.",
                "La precisión mixta es más rápida en las GPU que la tienen; en una CPU como esta es más lenta, así que ahí no se usa sola.",
            ),
        ),
        Choice(
            key="augment",
            title=Text("When to augment", "Cuándo aumentar"),
            default="online",
            options={
                "online": Text("Online: every batch anew", "Online: cada lote de nuevo"),
                "offline": Text("Offline: copies made before", "Offline: copias hechas antes"),
                "both": Text("Both", "Ambas"),
            },
            help=Text(
                "Online, no picture is ever seen twice and every step costs more; offline, copies are made once and take memory.",
                "Online, ninguna imagen se ve dos veces y cada paso cuesta más; offline, las copias se hacen una vez y ocupan memoria.",
            ),
        ),
        Whole(
            key="copies",
            title=Text("Copies of a picture", "Copias de una imagen"),
            default=3,
            low=1,
            high=20,
            help=Text("Augmented copies of each training picture, made offline.", "Copias aumentadas de cada imagen, hechas offline."),
        ),
        Choice(
            key="balance",
            title=Text("Class balancing", "Balance de clases"),
            default="none",
            options={
                "none": Text("None", "Ninguno"),
                "weights": Text("Rare classes weigh more in the loss", "Las clases raras pesan más en la pérdida"),
                "sampling": Text("Rare classes are drawn more often", "Las clases raras se sortean más seguido"),
                "augmentation": Text("Augmented copies of rare classes", "Copias aumentadas de las clases raras"),
            },
            help=Text(
                "What is done where classes have different numbers of pictures.",
                "Qué se hace cuando las clases tienen distinta cantidad de imágenes.",
            ),
        ),
        Number(
            key="imbalance",
            title=Text("Imbalance made", "Desbalance provocado"),
            default=1.0,
            low=1.0,
            high=100.0,
            step=1.0,
            unit="×",
            help=Text(
                "Takes training pictures away, class by class, until the first has this many times as many as the last; 1 takes none.",
                "Quita imágenes de entrenamiento, clase por clase, hasta que la primera tenga tantas veces más que la última; 1 no quita.",
            ),
        ),
        Choice(
            key="adversary",
            title=Text("Adversarial training", "Entrenamiento adversario"),
            default="none",
            options={"none": Text("No attack", "Sin ataque"), **{key: entry.title for key, entry in ATTACKS.items()}},
            help=Text(
                "Part of every batch is attacked with the net as it is at that step, and learned with its true label: an augmentation "
                "that looks for the worst change. It resists attacks afterwards; a step costs as many more passes as the attack has steps.",
                "Parte de cada lote se ataca con la red tal como está en ese paso, y se aprende con su etiqueta verdadera: un aumento que "
                "busca el peor cambio. Después resiste ataques; cada paso cuesta tantas pasadas más como pasos tiene el ataque.",
            ),
        ),
        Number(
            key="adversary_epsilon",
            title=Text("Epsilon of the attack", "Épsilon del ataque"),
            default=0.03,
            low=0.0,
            high=8.0,
            step=0.01,
            help=Text(
                "The largest change of any value in [0, 1] (0.03 is 8 of 255), or the length of the whole change where that is bounded.",
                "El cambio máximo de cualquier valor en [0, 1] (0,03 es 8 de 255), o la longitud de todo el cambio si se limita esa.",
            ),
        ),
        Number(
            key="adversary_share",
            title=Text("Share that is attacked", "Parte que se ataca"),
            default=0.5,
            low=0.05,
            high=1.0,
            step=0.05,
            help=Text(
                "Of each batch; the rest is learned as it is, which keeps the accuracy on pictures that nobody attacks.",
                "De cada lote; el resto se aprende como está, lo que mantiene la exactitud con imágenes que nadie ataca.",
            ),
        ),
        SEED,
    ),
)


# How the form shows them: some at once, the others behind their group's name.
AT_ONCE = ("budget_s", "seed")
GROUPS: dict[str, tuple[Text, tuple[str, ...]]] = {
    "steps": (
        Text("Optimiser", "Optimizador"),
        ("optimiser", "learning_rate", "schedule", "momentum", "weight_decay", "clip_norm", "batch_size", "precision"),
    ),
    "data": (Text("Data and split", "Datos y división"), ("size_px", "train_share", "imbalance", "balance", "label_smoothing")),
    "length": (Text("Length", "Duración"), ("epochs", "patience")),
    "adversary": (Text("Attacks", "Ataques"), ("adversary", "adversary_epsilon", "adversary_share")),
    "augmentation": (Text("Augmentation", "Aumento de datos"), ("augment", "copies")),
}
