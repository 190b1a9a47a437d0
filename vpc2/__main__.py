"""`python -m vpc2`: the app, or one of its commands without a browser."""

import sys

from vpc2.cli import main

if __name__ == "__main__":
    sys.exit(main())
