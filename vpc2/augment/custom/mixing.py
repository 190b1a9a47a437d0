"""Mixing in which every picture meets another one: Kornia's own permutations leave some pictures with themselves.

The exported code carries what it uses.
"""

import kornia.augmentation as K
import torch


def partners(count, turns=1):
    """Return for each of `count` pictures the number of another one, `turns` places on in a circle of random order.

    Up to `count - 1` turns give as many different partners; where there is one picture alone, it is its own.
    """
    order = torch.randperm(count)
    columns = [order.roll(-(1 + turn % max(count - 1, 1)))[order.argsort()] for turn in range(turns)]
    return torch.stack(columns)


class RandomMixUpV2(K.RandomMixUpV2):
    """MixUp without a picture that shines through itself."""

    def generate_parameters(self, batch_shape):
        return {**super().generate_parameters(batch_shape), "mixup_pairs": partners(batch_shape[0])[0]}


class RandomCutMixV2(K.RandomCutMixV2):
    """CutMix without a picture that is pasted into itself."""

    def generate_parameters(self, batch_shape):
        params = super().generate_parameters(batch_shape)
        return {**params, "mix_pairs": partners(batch_shape[0], len(params["mix_pairs"]))}


class PatchMix(K.PatchMix):
    """PatchMix without a picture that is pasted into itself."""

    def generate_parameters(self, batch_shape):
        return {**super().generate_parameters(batch_shape), "mix_pairs": partners(batch_shape[0])[0]}


class RandomMosaic(K.RandomMosaic):
    """A mosaic of the picture itself and of others, each once where there are enough."""

    def generate_parameters(self, batch_shape):
        params = super().generate_parameters(batch_shape)
        own, others = torch.arange(batch_shape[0])[:, None], partners(batch_shape[0], params["permutation"].shape[1] - 1).T
        return {**params, "permutation": torch.cat([own, others], 1)}
