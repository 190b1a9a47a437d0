"""Operations on colour: what pixels are changes, not where."""

from vpc2.augment.operation import NO_LABEL, Operation, operation, span
from vpc2.knobs import Choice, Number, Whole
from vpc2.words import Text

COLOUR: tuple[Operation, ...] = (
    operation(
        "ColorJitter",
        "colour",
        ("Colour jitter", "Variación de color"),
        ("Brightness, contrast, saturation and hue at once.", "Brillo, contraste, saturación y tono a la vez."),
        span("brightness", "Brightness", "Brillo", (0.8, 1.2), 0.0, 2.0),
        span("contrast", "Contrast", "Contraste", (0.8, 1.2), 0.0, 3.0),
        span("saturation", "Saturation", "Saturación", (0.8, 1.2), 0.0, 3.0),
        span("hue", "Hue", "Tono", (-0.05, 0.05), -0.5, 0.5, symmetric=True),
        shows=(
            ("brightness_factor", Text("brightness", "brillo"), "×"),
            ("contrast_factor", Text("contrast", "contraste"), "×"),
            ("saturation_factor", Text("saturation", "saturación"), "×"),
            ("hue_factor", Text("hue", "tono"), ""),
        ),
    ),
    operation(
        "RandomBrightness",
        "colour",
        ("Brightness", "Brillo"),
        ("Lightens or darkens: 1 leaves it, below is darker.", "Aclara u oscurece: 1 no cambia, menos es más oscuro."),
        span("brightness", "Factor", "Factor", (0.7, 1.3), 0.0, 2.0),
        shows=(("brightness_factor", NO_LABEL, "×"),),
    ),
    operation(
        "RandomContrast",
        "colour",
        ("Contrast", "Contraste"),
        ("Pulls light and dark apart, or together.", "Separa o acerca lo claro y lo oscuro."),
        span("contrast", "Factor", "Factor", (0.7, 1.3), 0.0, 3.0),
        shows=(("contrast_factor", NO_LABEL, "×"),),
    ),
    operation(
        "RandomSaturation",
        "colour",
        ("Saturation", "Saturación"),
        ("From grey to vivid: 1 leaves it.", "De gris a intenso: 1 no cambia."),
        span("saturation", "Factor", "Factor", (0.5, 1.5), 0.0, 3.0),
        shows=(("saturation_factor", NO_LABEL, "×"),),
    ),
    operation(
        "RandomHue",
        "colour",
        ("Hue", "Tono"),
        ("Turns the colour wheel: 0.5 is half a turn.", "Gira la rueda de colores: 0,5 es media vuelta."),
        span("hue", "Turn", "Vuelta", (-0.1, 0.1), -0.5, 0.5, symmetric=True),
        shows=(("hue_factor", NO_LABEL, ""),),
    ),
    operation(
        "RandomGamma",
        "colour",
        ("Gamma", "Gamma"),
        ("Lightens or darkens the middle tones.", "Aclara u oscurece los tonos medios."),
        span("gamma", "Exponent", "Exponente", (0.7, 1.5), 0.1, 5.0),
        span("gain", "Gain", "Ganancia", (1.0, 1.0), 0.1, 3.0),
        shows=(("gamma_factor", NO_LABEL, ""),),
    ),
    operation("RandomGrayscale", "colour", ("Grey", "Gris"), ("Takes the colour away.", "Saca el color."), p=0.2),
    operation(
        "RandomInvert", "colour", ("Invert", "Invertir"), ("Light becomes dark: a negative.", "Lo claro pasa a oscuro: un negativo.")
    ),
    operation(
        "RandomPosterize",
        "colour",
        ("Posterise", "Posterizar"),
        ("Keeps only a few bits of each colour.", "Conserva solo unos pocos bits de cada color."),
        span("bits", "Bits", "Bits", (3, 5), 1, 8, 1, whole=True),
        shows=(("bits_factor", NO_LABEL, "bit"),),
    ),
    operation(
        "RandomSolarize",
        "colour",
        ("Solarise", "Solarizar"),
        ("Inverts what is lighter than a threshold.", "Invierte lo que es más claro que un umbral."),
        span("thresholds", "Threshold", "Umbral", (0.4, 0.6), 0.0, 1.0),
        span("additions", "Addition", "Suma", (-0.1, 0.1), -0.5, 0.5, symmetric=True),
        shows=(("thresholds", Text("threshold", "umbral"), ""),),
    ),
    operation(
        "RandomEqualize", "colour", ("Equalise", "Ecualizar"), ("Spreads the histogram evenly.", "Reparte el histograma de manera pareja.")
    ),
    operation(
        "RandomAutoContrast",
        "colour",
        ("Auto contrast", "Contraste automático"),
        ("Stretches from black to white.", "Estira del negro al blanco."),
    ),
    operation(
        "RandomPlanckianJitter",
        "colour",
        ("Colour temperature", "Temperatura de color"),
        ("As lit by a candle, a lamp or the sky.", "Como iluminada por una vela, una lámpara o el cielo."),
        Choice(
            key="mode",
            title=Text("Kind of light", "Tipo de luz"),
            default="blackbody",
            options={"blackbody": Text("Black body", "Cuerpo negro"), "CIED": Text("Daylight", "Luz de día")},
        ),
    ),
    operation(
        "RandomChannelShuffle",
        "colour",
        ("Shuffle channels", "Mezclar canales"),
        ("Red, green and blue change places.", "Rojo, verde y azul cambian de lugar."),
    ),
    operation(
        "RandomChannelDropout",
        "colour",
        ("Drop a channel", "Anular un canal"),
        ("One of red, green and blue goes out.", "Se apaga el rojo, el verde o el azul."),
        Whole(key="num_drop_channels", title=Text("Channels", "Canales"), default=1, low=1, high=3),
        Number(key="fill_value", title=Text("Filled with", "Se llena con"), default=0.0, low=0.0, high=1.0),
    ),
    operation(
        "RandomRGBShift",
        "colour",
        ("Shift the channels", "Desplazar los canales"),
        ("Adds to red, green and blue, each its own amount.", "Suma al rojo, al verde y al azul, a cada uno lo suyo."),
        *(
            span(f"{c}_shift_limit", en, es, (-0.2, 0.2), -1.0, 1.0, symmetric=True)
            for c, en, es in (("r", "Red", "Rojo"), ("g", "Green", "Verde"), ("b", "Blue", "Azul"))
        ),
        shows=(("r_shift", Text("R", "R"), ""), ("g_shift", Text("G", "G"), ""), ("b_shift", Text("B", "B"), "")),
    ),
    operation(
        "ColorJiggle",
        "colour",
        ("Colour jiggle", "Variación de color, en orden al azar"),
        (
            "Brightness, contrast, saturation and hue in Kornia's own arithmetic, in random order.",
            "Brillo, contraste, saturación y tono con la aritmética propia de Kornia, en orden al azar.",
        ),
        Number(key="brightness", title=Text("Brightness", "Brillo"), default=0.2, low=0.0, high=1.0),
        Number(key="contrast", title=Text("Contrast", "Contraste"), default=0.2, low=0.0, high=1.0),
        Number(key="saturation", title=Text("Saturation", "Saturación"), default=0.2, low=0.0, high=1.0),
        Number(key="hue", title=Text("Hue", "Tono"), default=0.05, low=0.0, high=0.5),
        shows=(
            ("brightness_factor", Text("brightness", "brillo"), "×"),
            ("contrast_factor", Text("contrast", "contraste"), "×"),
            ("saturation_factor", Text("saturation", "saturación"), "×"),
        ),
    ),
    operation(
        "RandomClahe",
        "colour",
        ("CLAHE", "CLAHE"),
        (
            "Evens out the brightness of each tile of the picture, with a limit to how much.",
            "Empareja el brillo de cada baldosa de la imagen, con un límite a cuánto.",
        ),
        span("clip_limit", "Limit", "Límite", (2.0, 8.0), 0.5, 64.0, 0.5),
        Whole(key="grid_size", title=Text("Tiles a side", "Baldosas por lado"), default=8, low=2, high=16),
        pairs=("grid_size",),
        shows=(("clip_limit_factor", Text("limit", "límite"), ""),),
        needs_side_px=lambda params: 2 * params["grid_size"],
    ),
)
