"""`python -m vpc2`: the command line."""

import sys

from vpc2.cli import main

if __name__ == "__main__":
    sys.exit(main())
