"""One window in numbers where height and width differ: torch's own convolution, and a kernel in the middle of its window."""

import pytest
import torch

from vpc2.nets.inspection.kernels import KERNELS
from vpc2.nets.inspection.window import OUTSIDE, close_up, example_kernel
from vpc2.nets.module import build_net
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


@pytest.mark.parametrize(("kernel", "stride", "padding", "side"), [(3, 2, 1, 8), (4, 3, 1, 9), (3, 2, 0, 8), (5, 4, 2, 12), (2, 2, 0, 7)])
def test_a_mean_that_rounds_up_counts_padding_and_nothing_beyond_it(kernel, stride, padding, side):
    """torch divides by the values and the padding under the window: the cells shown of each kind give its numbers."""
    params = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": True}
    facts = summarise(make_net("n", (1, side, side), ("AvgPool2d", params))).layers[0]
    plane = torch.rand(side, side, generator=torch.Generator().manual_seed(kernel))
    wanted = torch.nn.AvgPool2d(kernel, stride, padding, ceil_mode=True)(plane[None, None])[0, 0]
    for unit in ((0, 0), tuple(n - 1 for n in wanted.shape)):
        shown = close_up(facts, plane, unit)
        for row in range(len(shown.outputs)):
            for column in range(len(shown.outputs[0])):
                under = [
                    (shown.kinds[y][x], shown.cells[y][x])
                    for y in range(row * stride, row * stride + kernel)
                    for x in range(column * stride, column * stride + kernel)
                ]
                counted = [value for kind, value in under if kind != OUTSIDE]
                mean = sum(counted) / len(counted)
                place = shown.first[0] + row, shown.first[1] + column
                assert mean == pytest.approx(float(wanted[place]), abs=1e-6) and shown.outputs[row][column] == pytest.approx(mean, abs=1e-6)
                assert all(value is None for kind, value in under if kind == OUTSIDE)


@pytest.mark.parametrize("sides", [2, 4, 3, [2, 5], [4, 1]])
def test_a_padding_that_keeps_the_sides_lies_where_torch_puts_it(sides):
    """Of an odd number of padded rows torch has one more below, and of columns one more to the right."""
    net = make_net("n", (1, 7, 9), ("Conv2d", {"out_channels": 1, "kernel_size": sides, "padding": "same"}))
    module = build_net(net)[0].requires_grad_(False)
    plane = torch.rand(7, 9, generator=torch.Generator().manual_seed(1))
    wanted = module(plane[None, None])[0, 0]
    shown = close_up(summarise(net).layers[0], plane, (0, 0), module.weight[0, 0], bias=float(module.bias))
    torch.testing.assert_close(shown.result, wanted)
    kernel, cells = torch.tensor(shown.kernel), torch.tensor(shown.cells)[: module.kernel_size[0], : module.kernel_size[1]]
    assert float((kernel * cells).sum()) + shown.bias == pytest.approx(float(wanted[0, 0]), abs=1e-6)
