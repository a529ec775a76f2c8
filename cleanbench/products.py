"""Blocks of a matrix product and what is selected from them: by numpy, or by torch on a device.

Products only find candidates, for which a bound on their rounding is enough. So results do not depend on where they
are made: what is returned is decided by `cleanbench.neighbours` on the processor, in float64.
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cleanbench.core import Floats, Ints, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

CANDIDATES = 16  # per row that are compared exactly where many lie within rounding of the best one
LOWEST = -2.0  # below every product, above the mark of what is no candidate, -inf


class Engine(Protocol):
    """Makes products of rows and selects from them. What it is given and returns are numpy's arrays, a block is not.

    Attributes:
        room: How many times larger than on a processor a block may be.
    """

    room: int

    def put(self, rows: Floats) -> Any:
        """Bring rows to where products are made."""

    def product(self, rows: Floats, columns: Any) -> Any:
        """Return the block ``rows @ columns.T``; ``columns`` were put."""

    def forget(self, block: Any, rows: Ints, columns: Ints) -> None:
        """Mark places of a block as no candidates."""

    def forget_lower(self, block: Any) -> None:
        """Mark the diagonal, and what lies left of it."""

    def largest(self, block: Any, wanted: int) -> tuple[Ints, Floats]:
        """Return the columns of the ``wanted`` largest values of each row, ascending, and the least of these values."""

    def at_least(self, block: Any, threshold: float) -> tuple[Ints, Floats]:
        """Return the places of a block, row by row, whose values reach the threshold, and the values."""

    def near_best(self, block: Any, depth: float) -> tuple[Ints, Ints]:
        """Return rows and columns of values at most ``depth`` below the largest of their row: up to `CANDIDATES`."""

    def row_at_least(self, block: Any, row: int, threshold: float) -> Ints:
        """Return the columns of one row whose values reach the threshold."""


def engine_for(device: str) -> Engine:
    """Return numpy for ``cpu``, torch for any other device (``cuda``, ``cuda:1``, ``mps``; ``cpu:0``, to compare both).

    Raises:
        UserError: If there is no such device.
    """
    return OnProcessor() if device == "cpu" else OnDevice(device)


class OnProcessor:
    """Products by numpy."""

    room = 1

    def put(self, rows: Floats) -> Floats:
        return rows

    def product(self, rows: Floats, columns: Floats) -> Floats:
        block: Floats = rows @ columns.T
        return block

    def forget(self, block: Floats, rows: Ints, columns: Ints) -> None:
        block[rows, columns] = -np.inf

    def forget_lower(self, block: Floats) -> None:
        corner = block[:, : len(block)]
        corner[np.tri(*corner.shape, dtype=np.bool_)] = -np.inf

    def largest(self, block: Floats, wanted: int) -> tuple[Ints, Floats]:
        columns = np.argpartition(block, block.shape[1] - wanted, axis=1)[:, -wanted:]
        least = np.take_along_axis(block, columns, axis=1).min(axis=1)
        # Partitioning takes any of equal values; where that mattered, the first ones are taken.
        for row in np.flatnonzero(np.count_nonzero(block >= least[:, None], axis=1) > wanted):
            above, tied = np.flatnonzero(block[row] > least[row]), np.flatnonzero(block[row] == least[row])
            columns[row] = np.append(above, tied[: wanted - len(above)])
        columns.sort(axis=1)
        return columns, least

    def at_least(self, block: Floats, threshold: float) -> tuple[Ints, Floats]:
        places = np.flatnonzero(block >= threshold)
        return places, block.ravel()[places]

    def near_best(self, block: Floats, depth: float) -> tuple[Ints, Ints]:
        enough = np.maximum(block.max(axis=1, initial=-np.inf) - depth, LOWEST).astype(block.dtype)
        rows, columns = np.divmod(np.flatnonzero(block >= enough[:, None]), max(1, block.shape[1]))
        # Rows ascend, so what is beyond the first few of a row is as far from its start.
        kept = np.arange(len(rows)) - np.searchsorted(rows, rows) < CANDIDATES
        return rows[kept], columns[kept]

    def row_at_least(self, block: Floats, row: int, threshold: float) -> Ints:
        return np.flatnonzero(block[row] >= threshold)


class OnDevice:
    """Products by torch."""

    room = 16

    def __init__(self, device: str) -> None:
        from cleanbench.encoders.inference import usable

        self.place = usable(device)

    def put(self, rows: Floats) -> "torch.Tensor":
        import torch

        try:
            return torch.tensor(rows, device=self.place)
        except TypeError as error:  # float64, for which not every device is made
            raise UserError(f"device={self.place}: {error}; use device=cpu") from error

    def product(self, rows: Floats, columns: "torch.Tensor") -> "torch.Tensor":
        with _every_digit():
            return self.put(rows) @ columns.T

    def forget(self, block: "torch.Tensor", rows: Ints, columns: Ints) -> None:
        import torch

        block[torch.tensor(rows, device=self.place), torch.tensor(columns, device=self.place)] = -torch.inf

    def forget_lower(self, block: "torch.Tensor") -> None:
        import torch

        corner = block[:, : len(block)]
        corner.masked_fill_(torch.ones_like(corner, dtype=torch.bool).tril_(), -torch.inf)

    def largest(self, block: "torch.Tensor", wanted: int) -> tuple[Ints, Floats]:
        values, columns = block.topk(wanted, dim=1, sorted=False)
        return np.sort(columns.cpu().numpy(), axis=1), values.amin(dim=1).cpu().numpy()

    def at_least(self, block: "torch.Tensor", threshold: float) -> tuple[Ints, Floats]:
        flat = block.flatten()
        places = (flat >= threshold).nonzero().squeeze(1)
        return places.cpu().numpy(), flat[places].cpu().numpy()

    def near_best(self, block: "torch.Tensor", depth: float) -> tuple[Ints, Ints]:
        values, columns = block.topk(min(CANDIDATES, block.shape[1]), dim=1)
        enough = (values[:, :1] - depth).clamp(min=LOWEST)
        rows, which = (values >= enough).nonzero(as_tuple=True)
        return rows.cpu().numpy(), columns[rows, which].cpu().numpy()

    def row_at_least(self, block: "torch.Tensor", row: int, threshold: float) -> Ints:
        columns: Ints = (block[row] >= threshold).nonzero().squeeze(1).cpu().numpy()
        return columns


@contextmanager
def _every_digit() -> "Iterator[None]":
    """Multiply float32 as it is: what TF32 leaves out of it is beyond the bound on rounding."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
