"""vpc2: the visual playground of computer vision."""

from vpc2 import privacy

privacy.keep()  # here, so that no way into the package passes it by
