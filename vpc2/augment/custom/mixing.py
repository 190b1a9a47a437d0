"""Mixing augmentations that pair every picture with another one: Kornia's permutations leave some pictures paired with themselves.

Exported code carries what it uses.
"""

import kornia.augmentation as K
import torch


def partners(count, turns=1):
    """Return for each of `count` pictures the index of another one, `turns` positions further in a random cyclic order.

    Up to `count - 1` turns give as many different partners; a single picture is its own partner.
    """
    order = torch.randperm(count)
    columns = [order.roll(-(1 + turn % max(count - 1, 1)))[order.argsort()] for turn in range(turns)]
    return torch.stack(columns)


class RandomMixUpV2(K.RandomMixUpV2):
    """MixUp that never mixes a picture with itself."""

    def generate_parameters(self, batch_shape):
        return {**super().generate_parameters(batch_shape), "mixup_pairs": partners(batch_shape[0])[0]}


class RandomCutMixV2(K.RandomCutMixV2):
    """CutMix that never pastes a picture into itself."""

    def generate_parameters(self, batch_shape):
        params = super().generate_parameters(batch_shape)
        return {**params, "mix_pairs": partners(batch_shape[0], len(params["mix_pairs"]))}


class PatchMix(K.PatchMix):
    """PatchMix that never pastes a picture into itself."""

    def generate_parameters(self, batch_shape):
        return {**super().generate_parameters(batch_shape), "mix_pairs": partners(batch_shape[0])[0]}


class RandomMosaic(K.RandomMosaic):
    """A mosaic of the picture itself and others, each once if there are enough."""

    def generate_parameters(self, batch_shape):
        params = super().generate_parameters(batch_shape)
        itself, partner_indices = torch.arange(batch_shape[0])[:, None], partners(batch_shape[0], params["permutation"].shape[1] - 1).T
        return {**params, "permutation": torch.cat([itself, partner_indices], 1)}
