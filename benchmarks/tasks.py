"""Tasks that run in processes, each of which imports this module: it imports next to nothing."""

from time import perf_counter

from xpmnb import Param, Task, log, progress


class Nothing(Task):
    """Does nothing."""

    number: Param[int]

    def execute(self) -> None:
        """Do nothing."""


class ImportsPandas(Task):
    """Imports pandas, and says how long that took."""

    number: Param[int]

    def execute(self) -> float:
        """Return the seconds."""
        before = perf_counter()
        import pandas as pd  # noqa: PLC0415 (this import is what is measured)

        pd.DataFrame({"a": [1]})
        return perf_counter() - before


class Reporting(Task):
    """Reports progress and metrics, and says what a call of each costs."""

    number: Param[int]
    calls: Param[int]

    def execute(self) -> dict[str, float]:
        """Return microseconds a call."""
        calls = self.calls
        before = perf_counter()
        for step in range(calls):
            progress(step / calls, description="steps")
        between = perf_counter()
        for step in range(calls):
            log(step=step, loss=1 / (1 + step))
        after = perf_counter()
        return {
            "progress_us": (between - before) / calls * 1e6,
            "log_us": (after - between) / calls * 1e6,
        }
