"""``python -m conveyor_driver``: the command line."""

import sys

from ._command_line import main

sys.exit(main())
