"""`scripts/try-programs`."""

import sys

from reliability.command_line import main

sys.exit(main())
