"""One window in numbers where height and width differ: torch's own convolution, and a kernel in the middle of its window."""

import torch

from vpc2.nets.inspection.kernels import KERNELS
from vpc2.nets.inspection.window import close_up, example_kernel
from vpc2.nets.spec import make_net
from vpc2.nets.summary.summarise import summarise


def test_a_kernel_stands_in_the_middle_of_an_uneven_window():
    entry = next(iter(KERNELS.values()))
    for sides in ((3, 7), (7, 3), (5, 5), (3, 5)):
        whole = example_kernel(entry, sides)
        rows, columns = (whole != 0).nonzero().T
        inner = torch.tensor(entry.rows, dtype=torch.float32)
        top, left = (sides[0] - 3) // 2, (sides[1] - 3) // 2
        assert whole.shape == sides and torch.equal(whole[top : top + 3, left : left + 3], inner)
        assert rows.min() >= top and columns.min() >= left and whole.sum() == inner.sum()


def test_padding_of_height_and_width_is_torchs():
    params = {"out_channels": 1, "kernel_size": [5, 3], "padding": [2, 0], "stride": [1, 2]}
    net = make_net("n", (1, 12, 15), ("Conv2d", params))
    plane, kernel = torch.arange(180.0).reshape(12, 15), torch.arange(15.0).reshape(5, 3)
    shown = close_up(summarise(net).layers[0], plane, (0, 0), kernel)
    wanted = torch.nn.functional.conv2d(plane[None, None], kernel[None, None], stride=(1, 2), padding=(2, 0))[0, 0]
    torch.testing.assert_close(shown.result, wanted)
