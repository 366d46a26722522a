"""What this machine can and cannot do: `examine` looks, `Report` tells.

Each topic has one module that looks (functions named `probe_...` or taking facts from the kernel) and judges (pure
functions from facts to findings).
"""

from builder.app.doctor.examine import Needs, examine
from builder.app.doctor.report import Finding, Report, Verdict

__all__ = ["Finding", "Needs", "Report", "Verdict", "examine"]
