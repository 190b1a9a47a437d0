"""Classes and functions that exported torchvision code needs besides torchvision's own transforms: the scripts carry what they use."""

import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F


class RandomLambda(torch.nn.Module):
    """Applies a function with arguments sampled from ranges for every image, integers where a range has integer bounds."""

    def __init__(self, function, **ranges):
        super().__init__()
        self.function, self.ranges = function, ranges

    def forward(self, image):
        return self.function(image, **{name: self.draw(*bounds) for name, bounds in self.ranges.items()})

    @staticmethod
    def draw(low, high):
        value = torch.empty(1).uniform_(low, high).item()
        return round(value) if isinstance(low, int) else value


def translate(image, x, y):
    """Return an image translated right by `x` and down by `y`, in shares of its sides."""
    height, width = image.shape[-2:]
    return F.affine(image, 0.0, [x * width, y * height], 1.0, [0.0, 0.0], v2.InterpolationMode.BILINEAR)


def solarize(image, threshold, addition):
    """Return an image, float, with `addition` added and values above the threshold inverted then."""
    return F.solarize((image + addition).clamp(0, 1), threshold)


def jpeg(image, quality):
    """Return an image, float, after JPEG compression of that quality."""
    pixels = F.to_dtype(image, torch.uint8, scale=True)
    return F.to_dtype(F.jpeg(pixels, quality), torch.float32, scale=True)


class Erasing(torch.nn.Module):
    """Fills a rectangle; torchvision skips one that is as large as the image."""

    def __init__(self, scale, ratio, value):
        super().__init__()
        self.scale, self.ratio, self.value = scale, ratio, value

    def forward(self, image):
        height, width = image.shape[-2:]
        area, ratio = RandomLambda.draw(*self.scale) * height * width, self.draw_ratio(*self.ratio)
        erase_height = min(max(round((area * ratio) ** 0.5), 1), height)
        erase_width = min(max(round((area / ratio) ** 0.5), 1), width)
        top, left = (int(torch.randint(space + 1, ())) for space in (height - erase_height, width - erase_width))
        return F.erase(image, top, left, erase_height, erase_width, torch.tensor(self.value))

    @staticmethod
    def draw_ratio(low, high):
        """Draw tall and wide shapes equally often."""
        if low < 1 < high:
            low, high = (low, 1) if torch.rand(()) < 0.5 else (1, high)
        return torch.empty(1).uniform_(low, high).item()
