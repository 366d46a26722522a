"""What the papers of a release take: bills of materials in two forms, and provenance."""

import json

from benchmarks.process import run
from benchmarks.report import Figure, Measurement, Report, Unit
from benchmarks.setting import Setting
from benchmarks.stats import interleave

_ROUNDS = 5
_PAPERS, _LIMIT_S = "SBOM and provenance", 2.0


def measure(setting: Setting) -> Report:
    """Of everything that the recipe makes for one architecture, which is made before."""
    environment = {**setting.environment, "PYTHONPATH": str(setting.project.root)}
    with setting.place() as place:
        argv = [setting.python, "-P", "-m", "benchmarks.papers", setting.recipe, setting.arch, str(place / "out")]

        def papers() -> float:
            told = run(argv, cwd=setting.project.root, env=environment).output
            return float(json.loads(told)["duration_s"])

        papers()
        series = interleave({_PAPERS: papers}, setting.rounds or _ROUNDS)[_PAPERS]
    return Report(
        group="release",
        figures=[Figure(name=_PAPERS, limit=_LIMIT_S, unit=Unit.SECONDS, series=series)],
        measurements=[Measurement(name=_PAPERS, unit=Unit.SECONDS, series=series)],
        notes=[
            "CycloneDX, SPDX and SLSA provenance of all that the recipe makes for one architecture, importing the libraries too.",
            "What is described lies in the store already.",
        ],
    )
