"""`python -m libma` is the command `libma`."""

import sys

from .cli import main

sys.exit(main())
