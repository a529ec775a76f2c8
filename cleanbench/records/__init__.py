"""Records: one scored ranking each, with everything needed to trust, repeat or refuse it."""

from cleanbench.records.files import as_line, explain, read_records, read_run, write_records, write_run
from cleanbench.records.parts import (
    Cost,
    Cut,
    EncoderCost,
    EncoderName,
    Frozen,
    Measured,
    Provenance,
    Resampled,
    Seeds,
    Terms,
    TruthName,
)
from cleanbench.records.record import SCHEMA, Record, RunFile, encoder_labels, label

__all__ = [
    "SCHEMA",
    "Cost",
    "Cut",
    "EncoderCost",
    "EncoderName",
    "Frozen",
    "Measured",
    "Provenance",
    "Record",
    "Resampled",
    "RunFile",
    "Seeds",
    "Terms",
    "TruthName",
    "as_line",
    "encoder_labels",
    "explain",
    "label",
    "read_records",
    "read_run",
    "write_records",
    "write_run",
]
