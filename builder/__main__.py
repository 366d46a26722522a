"""`python -m builder`."""

import os
import sys
import time

# pydantic looks for plugins among all installed packages at its import; there are none here, and it takes 10 ms.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from builder.app.invocation import Invocation
from builder.cli.unchanged import tell_unchanged

invocation = Invocation(arguments=sys.argv[1:], begin_s=time.time())
if tell_unchanged(invocation, os.environ):
    sys.exit()

from builder.cli.quick import quick_command  # noqa: E402 - for builds with nothing to do it is not needed

if command := quick_command(invocation.arguments):
    from builder.cli.outcome import run_to_end

    code = run_to_end(command, debug=False)
    sys.stdout.flush()
    sys.stderr.flush()
    # Python takes 15 ms to take apart what nobody needs any more.
    os._exit(code)

from builder.cli.main import main  # noqa: E402 - parsing the command line takes longer than all of the above

sys.exit(main(invocation))
