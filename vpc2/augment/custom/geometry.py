"""Affine transforms and crops in torchvision's conventions, where Kornia's differ. Exported code carries what it uses."""

import kornia.augmentation as K
import torch


class RandomAffine(K.RandomAffine):
    """Rotates counter-clockwise for a positive angle, like `RandomRotation`; Kornia's affine rotates clockwise."""

    def compute_transformation(self, input, params, flags):
        return super().compute_transformation(input, {**params, "angle": -params["angle"]}, flags)


class RandomResizedCrop(K.RandomResizedCrop):
    """Where no crop of the sampled area and aspect ratio fits, the largest of the nearest ratio is cut from the centre, as in torchvision.

    Kornia cuts it at a random position.
    """

    def generate_parameters(self, batch_shape):
        params = super().generate_parameters(batch_shape)
        height, width = batch_shape[-2:]
        low, high = map(float, self._param_generator.ratio)
        crop_width, crop_height = min(width, round(height * high)), min(height, round(width / low))
        source = params["src"]
        size = source[:, 2] - source[:, 0] + 1
        is_largest = (size == torch.tensor([crop_width, crop_height]).to(source)).all(1)
        middle = torch.tensor([(width - crop_width) // 2, (height - crop_height) // 2]).to(source)
        moved = source + (middle - source[:, 0])[:, None]
        return {**params, "src": torch.where(is_largest[:, None, None], moved, source)}
