"""What embeddings cost when they were computed, kept with them: whoever finds them later is told."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cleanbench.processes import cpu_seconds, peak_mib


@dataclass(frozen=True)
class Spent:
    """What the embeddings of a set cost when they were computed.

    Attributes:
        cpu_seconds: User and system time of preparing or training the encoder and of encoding every image.
        wall_seconds: Elapsed time.
        peak_mib: Highest resident memory of the process by then, Python and libraries included.
        device: What it was computed on; None for an encoder that has no such setting.
        threads: How many threads it had.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    device: str | None
    threads: int | None


class Stopwatch:
    """CPU and elapsed time of this process and its finished children since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = cpu_seconds(), time.perf_counter()
        self.earlier_cpu = self.earlier_wall = 0.0

    @property
    def cpu(self) -> float:
        """CPU seconds so far, with what was spent before."""
        return cpu_seconds() - self._cpu + self.earlier_cpu

    @property
    def wall(self) -> float:
        """Seconds so far, with what was spent before."""
        return time.perf_counter() - self._wall + self.earlier_wall

    def add(self, cpu: float, wall: float) -> None:
        """Count what an earlier process spent on the same work."""
        self.earlier_cpu += cpu
        self.earlier_wall += wall

    def trained(self, history: Mapping[str, Sequence[float]]) -> None:
        """Count at least what the epochs of a training took: a killed process may have run some of them."""
        epochs_cpu, epochs_wall = (sum(history.get(name, ())) for name in ("cpu_seconds", "seconds"))
        self.add(max(0.0, epochs_cpu - self.cpu), max(0.0, epochs_wall - self.wall))

    def spent(self, inner: Iterable[Spent], device: str | None, threads: int | None) -> Spent:
        """Return what was spent in all, with what other encoders' rows cost when they were computed."""
        others = list(inner)
        return Spent(
            round(self.cpu + sum(other.cpu_seconds for other in others), 3),
            round(self.wall + sum(other.wall_seconds for other in others), 3),
            round(max([peak_mib(), *(other.peak_mib for other in others)]), 1),
            device,
            threads,
        )
