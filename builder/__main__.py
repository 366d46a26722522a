"""`python -m builder`."""

import os
import sys

# pydantic looks for plugins among all installed packages at its import; there are none here, and it takes 10 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from builder.cli.main import main

sys.exit(main())
