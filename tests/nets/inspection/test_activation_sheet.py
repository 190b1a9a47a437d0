"""Maps side by side: row by row, as one reads."""

import numpy as np

from vpc2.nets.inspection.activations import SEAM_PX, to_sheet


def test_maps_stand_row_by_row():
    maps = np.stack([np.full((4, 6), 10 * i, np.uint8) for i in range(7)])
    sheet = to_sheet(maps, 3, 12)
    height, width = 8, 12
    assert sheet.shape == (3 * (height + SEAM_PX) - SEAM_PX, 3 * (width + SEAM_PX) - SEAM_PX)
    for i in range(7):
        top, left = i // 3 * (height + SEAM_PX), i % 3 * (width + SEAM_PX)
        assert (sheet[top : top + height, left : left + width] == 10 * i).all(), i
