"""Maps of a layer as the Build page shows them: of the channels, weights and scale that were asked for, whatever was asked before."""

import numpy as np
import pytest
import torch

from vpc2.nets.module import build_net
from vpc2.nets.spec import make_net
from vpc2.rng import drawing, seed_of
from vpc2.ui.computed import net_views

NET = make_net("n", (3, 6, 8), ("Conv2d", {"out_channels": net_views.MAX_MAPS + 9, "kernel_size": 3}), "ReLU")
PHOTOS = [
    {"digest": f"photo {i}", "pixels": np.random.default_rng(i).integers(0, 256, (6, 8, 3)).astype(np.uint8), "name": ""} for i in (0, 1)
]


@pytest.mark.parametrize("layer", [0, 1])
def test_a_sheet_of_maps_is_torchs_for_each_page_photograph_seed_and_scale(layer):
    for photo, seed, first, together in (
        (PHOTOS[0], 0, 0, False),
        (PHOTOS[0], 0, net_views.MAX_MAPS, False),
        (PHOTOS[0], 1, net_views.MAX_MAPS, False),
        (PHOTOS[1], 1, net_views.MAX_MAPS, False),
        (PHOTOS[1], 1, net_views.MAX_MAPS, True),
        (PHOTOS[0], 0, 0, False),
    ):
        maps = net_views.compute_feature_maps(NET, NET.layers[layer].id, photo, seed, first, together)
        with drawing(seed_of("looking", seed)), torch.no_grad():
            module = build_net(NET).eval()[: layer + 1]
        with torch.no_grad():
            out = module(torch.from_numpy(photo["pixels"]).permute(2, 0, 1)[None].float() / 255)[0].numpy()
        part = out[first : first + net_views.MAX_MAPS]
        axes = (0, 1, 2) if together else (1, 2)
        low, high = part.min(axes, keepdims=True), part.max(axes, keepdims=True)
        wanted = 255 * (part - low) / np.maximum(high - low, 1e-30)
        assert (maps.first, maps.channels, len(maps.maps)) == (first, len(out), min(len(out) - first, net_views.MAX_MAPS))
        assert np.abs(maps.maps - wanted).max() <= 0.51
        np.testing.assert_allclose(maps.mean, part.mean((1, 2)), atol=1e-6)
