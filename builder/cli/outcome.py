"""How a command ends: its exit code, and what is said of an error."""

import gc
import sys
from collections.abc import Callable

from builder.core.errors import BuilderError, ExitCode

# Nodes of trees and steps of plans live until the end and hardly ever form cycles. Python looks for these whenever 700 objects
# came into being, which took a fifth of the time of a root file system.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000


def run_to_end(command: Callable[[], object], *, debug: bool) -> int:
    """Run `command`; its exit code."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        command()
    except BuilderError as error:
        return _failed(error, error.exit_code, debug=debug)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return ExitCode.INTERRUPTED
    except Exception as error:
        unexpected = BuilderError(
            f"unexpected {type(error).__name__}: {error}", hint="this is a defect; run again with --debug and report it"
        )
        return _failed(unexpected, ExitCode.BUILD_FAILED, debug=debug)
    return ExitCode.OK


def _failed(error: BuilderError, code: ExitCode, *, debug: bool) -> int:
    if debug:
        import traceback  # noqa: PLC0415 - only who looks for a defect needs it

        traceback.print_exc()
    if not error.told_by_events:
        from builder.cli.render.error import render_error  # noqa: PLC0415 - most commands end well

        sys.stderr.write(render_error(error))
    return code
