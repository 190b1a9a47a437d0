"""`python -m vpc2`: the same specs without a browser."""

import sys

from vpc2.cli import main

if __name__ == "__main__":
    sys.exit(main())
