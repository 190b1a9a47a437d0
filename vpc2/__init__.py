"""vpc2: the visual playground of computer vision."""

from vpc2.system import privacy

privacy.keep()  # here, so that every import of the package runs it
