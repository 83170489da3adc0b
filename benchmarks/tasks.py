"""Tasks that run in processes, each of which imports this module: it imports next to nothing."""

from time import perf_counter

from xpmnb import Param, Task


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
