"""What can be done to a picture: one literal an operation, under Kornia's own names. Standard library only.

Every operation returns pictures of the size it was given, so that batches keep their shape: crops are resized back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vpc2.catalog import Catalog, Entry
from vpc2.knobs import Choice, Knob, Number, Span, Whole
from vpc2.words import Text

FAMILIES = {
    "geometric": Text("Geometric", "Geométricas"),
    "colour": Text("Colour", "Color"),
    "blur": Text("Blur and sharpness", "Desenfoque y nitidez"),
    "noise": Text("Noise and compression", "Ruido y compresión"),
    "light": Text("Light", "Luz"),
    "weather": Text("Weather", "Clima"),
    "occlusion": Text("Occlusion", "Oclusión"),
}


@dataclass(frozen=True, kw_only=True)
class Operation(Entry):
    """One operation of Kornia.

    `pairs` are knobs of one number that Kornia wants twice, `tensors` spans that it wants as tensors; `is_sized` says
    that it wants the picture's size. `shows` names the sampled values worth reading: Kornia's name, label, unit.
    `needs_side_px` gives the smallest side it works on; smaller pictures pass unchanged and say so. Labels do not
    follow where `moves_labels` is False on a geometric operation (Kornia leaves boxes and points where they were).
    """

    pairs: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()
    is_sized: bool = False
    fixed: tuple[tuple[str, Any], ...] = ()
    shows: tuple[tuple[str, Text, str], ...] = ()
    needs_side_px: Callable[[dict[str, Any]], int] = lambda params: 1
    moves_labels: bool = True


def _chance(default: float = 0.5) -> Number:
    return Number(
        key="p",
        title=Text("Chance", "Probabilidad"),
        default=default,
        low=0.0,
        high=1.0,
        step=0.05,
        help=Text("How often the step is applied at all: 1 is always.", "Con qué frecuencia se aplica el paso: 1 es siempre."),
    )


def _span(key: str, en: str, es: str, default: tuple[float, float], low: float, high: float, step: float = 0.01, **more: Any) -> Span:
    return Span(key=key, title=Text(en, es), default=list(default), low=low, high=high, step=step, **more)


def _kernel(default: int, high: int = 31, low: int = 3) -> Whole:
    return Whole(key="kernel_size", title=Text("Kernel", "Núcleo"), default=default, low=low, high=high, odd=True, unit="px", scales=True)


def _op(key: str, family: str, title: tuple[str, str], help_: tuple[str, str], *knobs: Knob, p: float = 0.5, **more: Any) -> Operation:
    """Return an operation of Kornia with its chance as the last knob."""
    return Operation(
        key=key,
        family=family,
        title=Text(*title),
        help=Text(*help_),
        target=f"kornia.augmentation.{key}",
        knobs=(*knobs, _chance(p)),
        **more,
    )


_NO_LABEL = Text("", "")
_ANGLE = Text("angle", "ángulo")
_SCALE = Text("scale", "escala")


def _reflects(params: dict[str, Any]) -> int:
    """Return the smallest side a kernel that reflects at the border works on."""
    return params["kernel_size"] // 2 + 1


OPS: Catalog[Operation] = Catalog(
    Text("operation", "operación"),
    # Geometric
    _op(
        "RandomHorizontalFlip",
        "geometric",
        ("Horizontal flip", "Espejo horizontal"),
        ("Left becomes right.", "La izquierda pasa a la derecha."),
    ),
    _op("RandomVerticalFlip", "geometric", ("Vertical flip", "Espejo vertical"), ("Up becomes down.", "Lo de arriba pasa abajo.")),
    _op(
        "RandomRotation",
        "geometric",
        ("Rotation", "Giro"),
        ("Turns the picture about its centre.", "Gira la imagen alrededor de su centro."),
        _span("degrees", "Angle", "Ángulo", (-15.0, 15.0), -180.0, 180.0, 1.0, symmetric=True, unit="°"),
        shows=(("degrees", _NO_LABEL, "°"),),
    ),
    _op(
        "RandomRotation90",
        "geometric",
        ("Quarter turns", "Cuartos de vuelta"),
        ("Turns by whole quarters.", "Gira cuartos de vuelta enteros."),
        _span("times", "Quarters", "Cuartos", (-1, 1), -3, 3, 1, whole=True),
        shows=(("times", _NO_LABEL, "× 90°"),),
    ),
    _op(
        "RandomAffine",
        "geometric",
        ("Affine", "Afín"),
        ("Turns, shifts, scales and slants at once.", "Gira, desplaza, escala e inclina a la vez."),
        _span("degrees", "Angle", "Ángulo", (-15.0, 15.0), -180.0, 180.0, 1.0, symmetric=True, unit="°"),
        Number(key="translate", title=Text("Shift, share of the side", "Desplazamiento, parte del lado"), default=0.1, low=0.0, high=1.0),
        _span("scale", "Scale", "Escala", (0.9, 1.1), 0.2, 3.0),
        _span("shear", "Slant", "Inclinación", (-5.0, 5.0), -60.0, 60.0, 1.0, symmetric=True, unit="°"),
        pairs=("translate",),
        shows=(("angle", _NO_LABEL, "°"), ("scale", _SCALE, "×"), ("translations", Text("shift", "desplazamiento"), "px")),
    ),
    _op(
        "RandomTranslate",
        "geometric",
        ("Shift", "Desplazamiento"),
        ("Moves the picture; what is left free is black.", "Mueve la imagen; lo que queda libre es negro."),
        _span("translate_x", "Sideways", "Horizontal", (-0.1, 0.1), -1.0, 1.0, symmetric=True),
        _span("translate_y", "Up and down", "Vertical", (-0.1, 0.1), -1.0, 1.0, symmetric=True),
        shows=(("translate_x", Text("x", "x"), "px"), ("translate_y", Text("y", "y"), "px")),
    ),
    _op(
        "RandomShear",
        "geometric",
        ("Slant", "Inclinación"),
        ("Pushes the top one way and the bottom the other.", "Empuja lo de arriba hacia un lado y lo de abajo hacia el otro."),
        _span("shear", "Slant", "Inclinación", (-10.0, 10.0), -60.0, 60.0, 1.0, symmetric=True, unit="°"),
        shows=(("shear_x", _NO_LABEL, "°"),),
    ),
    _op(
        "RandomPerspective",
        "geometric",
        ("Perspective", "Perspectiva"),
        ("Moves the four corners, as seen from another place.", "Mueve las cuatro esquinas, como vistas desde otro lugar."),
        Number(key="distortion_scale", title=Text("Strength", "Intensidad"), default=0.4, low=0.0, high=1.0),
        needs_side_px=lambda params: 2,
    ),
    _op(
        "RandomResizedCrop",
        "geometric",
        ("Crop and resize", "Recorte y ampliación"),
        ("Cuts a piece out and enlarges it to the old size.", "Recorta un pedazo y lo agranda al tamaño original."),
        _span("scale", "Share of the area", "Parte del área", (0.5, 1.0), 0.05, 1.0),
        _span("ratio", "Shape of the piece", "Forma del pedazo", (0.75, 1.33), 0.3, 3.0),
        p=1.0,
        is_sized=True,
        needs_side_px=lambda params: 2,
    ),
    _op(
        "RandomCrop",
        "geometric",
        ("Pad and crop", "Relleno y recorte"),
        ("Adds a black border and cuts the old size out of it.", "Agrega un borde negro y recorta el tamaño original."),
        Whole(key="padding", title=Text("Border", "Borde"), default=8, low=0, high=128, unit="px", scales=True),
        p=1.0,
        is_sized=True,
    ),
    _op(
        "RandomElasticTransform",
        "geometric",
        ("Elastic", "Elástica"),
        ("Pulls the picture like rubber.", "Estira la imagen como goma."),
        _kernel(63, 127),
        Number(key="sigma", title=Text("Softness", "Suavidad"), default=12.0, low=2.0, high=64.0, step=1.0, unit="px", scales=True),
        Number(key="alpha", title=Text("Strength", "Intensidad"), default=1.0, low=0.0, high=4.0, step=0.1),
        pairs=("kernel_size", "sigma", "alpha"),
        moves_labels=False,
        needs_side_px=lambda params: 2,
    ),
    _op(
        "RandomThinPlateSpline",
        "geometric",
        ("Thin plate", "Placa delgada"),
        ("Bends the picture at five points.", "Dobla la imagen en cinco puntos."),
        Number(key="scale", title=Text("Strength", "Intensidad"), default=0.15, low=0.0, high=0.5),
        moves_labels=False,
        needs_side_px=lambda params: 2,
    ),
    _op(
        "RandomFisheye",
        "geometric",
        ("Fisheye", "Ojo de pez"),
        ("Bulges the picture as a very wide lens does.", "Curva la imagen como un lente muy ancho."),
        _span("center_x", "Centre, sideways", "Centro, horizontal", (-0.3, 0.3), -1.0, 1.0),
        _span("center_y", "Centre, up and down", "Centro, vertical", (-0.3, 0.3), -1.0, 1.0),
        _span("gamma", "Bulge", "Curvatura", (0.8, 1.4), 0.5, 3.0),
        tensors=("center_x", "center_y", "gamma"),
        shows=(("gamma", _NO_LABEL, ""),),
        moves_labels=False,
        needs_side_px=lambda params: 2,
    ),
    # Colour
    _op(
        "ColorJitter",
        "colour",
        ("Colour jitter", "Variación de color"),
        ("Brightness, contrast, saturation and hue at once.", "Brillo, contraste, saturación y tono a la vez."),
        _span("brightness", "Brightness", "Brillo", (0.8, 1.2), 0.0, 2.0),
        _span("contrast", "Contrast", "Contraste", (0.8, 1.2), 0.0, 3.0),
        _span("saturation", "Saturation", "Saturación", (0.8, 1.2), 0.0, 3.0),
        _span("hue", "Hue", "Tono", (-0.05, 0.05), -0.5, 0.5, symmetric=True),
        shows=(
            ("brightness_factor", Text("brightness", "brillo"), "×"),
            ("contrast_factor", Text("contrast", "contraste"), "×"),
            ("saturation_factor", Text("saturation", "saturación"), "×"),
            ("hue_factor", Text("hue", "tono"), ""),
        ),
    ),
    _op(
        "RandomBrightness",
        "colour",
        ("Brightness", "Brillo"),
        ("Lightens or darkens: 1 leaves it, below is darker.", "Aclara u oscurece: 1 no cambia, menos es más oscuro."),
        _span("brightness", "Factor", "Factor", (0.7, 1.3), 0.0, 2.0),
        shows=(("brightness_factor", _NO_LABEL, "×"),),
    ),
    _op(
        "RandomContrast",
        "colour",
        ("Contrast", "Contraste"),
        ("Pulls light and dark apart, or together.", "Separa o acerca lo claro y lo oscuro."),
        _span("contrast", "Factor", "Factor", (0.7, 1.3), 0.0, 3.0),
        shows=(("contrast_factor", _NO_LABEL, "×"),),
    ),
    _op(
        "RandomSaturation",
        "colour",
        ("Saturation", "Saturación"),
        ("From grey to vivid: 1 leaves it.", "De gris a intenso: 1 no cambia."),
        _span("saturation", "Factor", "Factor", (0.5, 1.5), 0.0, 3.0),
        shows=(("saturation_factor", _NO_LABEL, "×"),),
    ),
    _op(
        "RandomHue",
        "colour",
        ("Hue", "Tono"),
        ("Turns the colour wheel: 0.5 is half a turn.", "Gira la rueda de colores: 0,5 es media vuelta."),
        _span("hue", "Turn", "Vuelta", (-0.1, 0.1), -0.5, 0.5, symmetric=True),
        shows=(("hue_factor", _NO_LABEL, ""),),
    ),
    _op(
        "RandomGamma",
        "colour",
        ("Gamma", "Gamma"),
        ("Lightens or darkens the middle tones.", "Aclara u oscurece los tonos medios."),
        _span("gamma", "Exponent", "Exponente", (0.7, 1.5), 0.1, 5.0),
        _span("gain", "Gain", "Ganancia", (1.0, 1.0), 0.1, 3.0),
        shows=(("gamma_factor", _NO_LABEL, ""),),
    ),
    _op("RandomGrayscale", "colour", ("Grey", "Gris"), ("Takes the colour away.", "Saca el color."), p=0.2),
    _op("RandomInvert", "colour", ("Invert", "Invertir"), ("Light becomes dark: a negative.", "Lo claro pasa a oscuro: un negativo.")),
    _op(
        "RandomPosterize",
        "colour",
        ("Posterise", "Posterizar"),
        ("Keeps only a few bits of each colour.", "Conserva solo unos pocos bits de cada color."),
        _span("bits", "Bits", "Bits", (3, 5), 1, 8, 1, whole=True),
        shows=(("bits_factor", _NO_LABEL, "bit"),),
    ),
    _op(
        "RandomSolarize",
        "colour",
        ("Solarise", "Solarizar"),
        ("Inverts what is lighter than a threshold.", "Invierte lo que es más claro que un umbral."),
        _span("thresholds", "Threshold", "Umbral", (0.4, 0.6), 0.0, 1.0),
        _span("additions", "Addition", "Suma", (-0.1, 0.1), -0.5, 0.5, symmetric=True),
        shows=(("thresholds", Text("threshold", "umbral"), ""),),
    ),
    _op(
        "RandomEqualize", "colour", ("Equalise", "Ecualizar"), ("Spreads the histogram evenly.", "Reparte el histograma de manera pareja.")
    ),
    _op(
        "RandomAutoContrast",
        "colour",
        ("Auto contrast", "Contraste automático"),
        ("Stretches from black to white.", "Estira del negro al blanco."),
    ),
    _op(
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
    _op(
        "RandomChannelShuffle",
        "colour",
        ("Shuffle channels", "Mezclar canales"),
        ("Red, green and blue change places.", "Rojo, verde y azul cambian de lugar."),
    ),
    _op(
        "RandomChannelDropout",
        "colour",
        ("Drop a channel", "Anular un canal"),
        ("One of red, green and blue goes out.", "Se apaga el rojo, el verde o el azul."),
        Whole(key="num_drop_channels", title=Text("Channels", "Canales"), default=1, low=1, high=3),
        Number(key="fill_value", title=Text("Filled with", "Se llena con"), default=0.0, low=0.0, high=1.0),
    ),
    _op(
        "RandomRGBShift",
        "colour",
        ("Shift the channels", "Desplazar los canales"),
        ("Adds to red, green and blue, each its own amount.", "Suma al rojo, al verde y al azul, a cada uno lo suyo."),
        *(
            _span(f"{c}_shift_limit", en, es, (-0.2, 0.2), -1.0, 1.0, symmetric=True)
            for c, en, es in (("r", "Red", "Rojo"), ("g", "Green", "Verde"), ("b", "Blue", "Azul"))
        ),
        shows=(("r_shift", Text("R", "R"), ""), ("g_shift", Text("G", "G"), ""), ("b_shift", Text("B", "B"), "")),
    ),
    # Blur and sharpness
    _op(
        "RandomGaussianBlur",
        "blur",
        ("Gaussian blur", "Desenfoque gaussiano"),
        ("Out of focus.", "Fuera de foco."),
        _kernel(9),
        _span("sigma", "Radius", "Radio", (0.5, 3.0), 0.1, 10.0, 0.1, unit="px", scales=True),
        shows=(("sigma", Text("σ", "σ"), "px"),),
        needs_side_px=_reflects,
    ),
    _op(
        "RandomMotionBlur",
        "blur",
        ("Motion blur", "Desenfoque de movimiento"),
        ("As if the camera had moved.", "Como si la cámara se hubiera movido."),
        _kernel(11),
        _span("angle", "Angle", "Ángulo", (-45.0, 45.0), -180.0, 180.0, 1.0, symmetric=True, unit="°"),
        _span("direction", "Direction", "Dirección", (-0.5, 0.5), -1.0, 1.0, symmetric=True),
        shows=(("angle_factor", _NO_LABEL, "°"),),
        needs_side_px=_reflects,
    ),
    _op(
        "RandomMedianBlur",
        "blur",
        ("Median", "Mediana"),
        ("Each pixel takes the middle value of its neighbours.", "Cada píxel toma el valor del medio de sus vecinos."),
        _kernel(5, 11),
        pairs=("kernel_size",),
        needs_side_px=_reflects,
    ),
    _op(
        "RandomBoxBlur",
        "blur",
        ("Box blur", "Desenfoque de caja"),
        ("Each pixel takes the mean of its neighbours.", "Cada píxel toma el promedio de sus vecinos."),
        _kernel(5),
        pairs=("kernel_size",),
        needs_side_px=_reflects,
    ),
    _op(
        "RandomSharpness",
        "blur",
        ("Sharpness", "Nitidez"),
        ("Makes edges harder.", "Endurece los bordes."),
        _span("sharpness", "Strength", "Intensidad", (0.5, 2.0), 0.0, 5.0, 0.1),
        shows=(("sharpness", _NO_LABEL, "×"),),
        needs_side_px=lambda params: 3,
    ),
    # Noise and compression
    _op(
        "RandomGaussianNoise",
        "noise",
        ("Gaussian noise", "Ruido gaussiano"),
        ("Grain, as of a camera in the dark.", "Grano, como de una cámara en la oscuridad."),
        Number(key="mean", title=Text("Mean", "Media"), default=0.0, low=-0.5, high=0.5),
        Number(key="std", title=Text("Strength", "Intensidad"), default=0.08, low=0.0, high=0.5),
    ),
    _op(
        "RandomSaltAndPepperNoise",
        "noise",
        ("Salt and pepper", "Sal y pimienta"),
        ("Single pixels become white or black.", "Píxeles sueltos pasan a blanco o negro."),
        _span("amount", "Share of pixels", "Parte de los píxeles", (0.01, 0.06), 0.0, 1.0),
        _span("salt_vs_pepper", "Share of white", "Parte de blancos", (0.4, 0.6), 0.0, 1.0),
        shows=(("amount_factor", _NO_LABEL, ""),),
    ),
    _op(
        "RandomJPEG",
        "noise",
        ("JPEG", "JPEG"),
        ("The blocks of a strongly compressed picture.", "Los bloques de una imagen muy comprimida."),
        _span("jpeg_quality", "Quality", "Calidad", (10.0, 50.0), 1.0, 100.0, 1.0),
        shows=(("jpeg_quality", Text("quality", "calidad"), ""),),
    ),
    # Light
    _op(
        "RandomPlasmaShadow",
        "light",
        ("Shadows", "Sombras"),
        ("Clouds of shadow over the picture.", "Nubes de sombra sobre la imagen."),
        _span("roughness", "Roughness", "Rugosidad", (0.1, 0.7), 0.01, 1.0),
        _span("shade_intensity", "Darkness", "Oscuridad", (-0.8, -0.2), -1.0, 0.0),
        _span("shade_quantity", "Share covered", "Parte cubierta", (0.2, 0.7), 0.0, 1.0),
        shows=(("shade_intensity", _NO_LABEL, ""), ("shade_quantity", Text("covered", "cubierta"), "")),
    ),
    _op(
        "RandomPlasmaBrightness",
        "light",
        ("Uneven brightness", "Brillo desparejo"),
        ("Light and dark clouds over the picture.", "Nubes claras y oscuras sobre la imagen."),
        _span("roughness", "Roughness", "Rugosidad", (0.1, 0.7), 0.01, 1.0),
        _span("intensity", "Strength", "Intensidad", (0.1, 0.6), 0.0, 1.0),
        shows=(("intensity", _NO_LABEL, ""),),
    ),
    _op(
        "RandomLinearIllumination",
        "light",
        ("Light from one side", "Luz de un lado"),
        ("A gradient, as of a window.", "Un degradé, como de una ventana."),
        _span("gain", "Strength", "Intensidad", (0.05, 0.3), 0.0, 1.0),
        _span("sign", "Dark or light", "Oscura o clara", (-1.0, 1.0), -1.0, 1.0, symmetric=True),
        needs_side_px=lambda params: 2,
    ),
    _op(
        "RandomGaussianIllumination",
        "light",
        ("Spotlight", "Foco de luz"),
        ("A soft light or dark spot.", "Una mancha suave de luz o de sombra."),
        _span("gain", "Strength", "Intensidad", (0.05, 0.3), 0.0, 1.0),
        _span("center", "Place", "Lugar", (0.1, 0.9), 0.0, 1.0),
        _span("sigma", "Width", "Ancho", (0.2, 1.0), 0.05, 1.0),
        _span("sign", "Dark or light", "Oscura o clara", (-1.0, 1.0), -1.0, 1.0, symmetric=True),
        needs_side_px=lambda params: 2,
    ),
    # Weather
    _op(
        "RandomRain",
        "weather",
        ("Rain", "Lluvia"),
        ("Slanted drops.", "Gotas inclinadas."),
        _span("number_of_drops", "Drops", "Gotas", (300, 800), 1, 3000, 1, whole=True),
        _span("drop_height", "Height of a drop", "Alto de una gota", (5, 16), 2, 30, 1, whole=True, unit="px", scales=True),
        _span("drop_width", "Slant of a drop", "Inclinación de una gota", (-4, 4), -20, 20, 1, whole=True, unit="px", scales=True),
        shows=(("number_of_drops_factor", _NO_LABEL, ""),),
        needs_side_px=lambda params: max(params["drop_height"][1], *(abs(end) for end in params["drop_width"])) + 2,
    ),
    _op(
        "RandomSnow",
        "weather",
        ("Snow", "Nieve"),
        ("Light places become white.", "Lo claro se vuelve blanco."),
        _span("snow_coefficient", "How much", "Cuánta", (0.2, 0.6), 0.0, 1.0),
        _span("brightness", "Brightness", "Brillo", (1.5, 2.5), 1.0, 5.0, 0.1),
        shows=(("snow_coefficient", _NO_LABEL, ""),),
    ),
    # Occlusion
    _op(
        "RandomErasing",
        "occlusion",
        ("Erase a patch", "Borrar un parche"),
        ("A rectangle of one colour hides a part.", "Un rectángulo de un color tapa una parte."),
        _span("scale", "Share of the area", "Parte del área", (0.02, 0.2), 0.01, 1.0),
        _span("ratio", "Shape", "Forma", (0.3, 3.3), 0.1, 10.0, 0.1),
        Number(key="value", title=Text("Filled with", "Se llena con"), default=0.0, low=0.0, high=1.0),
        shows=(("widths", Text("width", "ancho"), "px"), ("heights", Text("height", "alto"), "px")),
    ),
)
