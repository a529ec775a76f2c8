"""The top-level settings of a run, typed: a wrong key or type is an error before anything starts."""

import re
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cleanbench.core import UserError
from cleanbench.datasets.truth_tables import CONFLICTS

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


@dataclass
class TruthConfig:
    """Which ground truth is used, and how it is read.

    Attributes:
        name: Which truth counts where an issue has several, such as ``crowd`` or ``expert``; None: the first.
        revision: First digits of the SHA-256 that the truth must have, of the set or of one issue; None: any.
        conflict: What happens to items with contradicting annotations: ``drop``, ``last`` or ``error``.
        calibration: Share of the images known to be labelled rightly that is told to methods and leaves the truth.
    """

    name: str | None = None
    revision: str | None = None
    conflict: str = "drop"
    calibration: float = 0.0


@dataclass
class Config:
    """The keys of ``conf/config.yaml``; what each means is said there."""

    dataset: Any = MISSING
    encoder: Any = MISSING
    method: Any = MISSING
    output: str = "runs"
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    memory_limit: str | None = None
    cpu_limit: float | None = 1200.0
    timeout: float | None = None
    retrieve: int = 1000
    force: bool = False
    who: str | None = None
    licence: str | None = None
    report: bool = True
    contamination: Any = field(default_factory=lambda: {"_target_": "cleanbench.contamination.base.Untouched"})
    truth: TruthConfig = field(default_factory=TruthConfig)


def checked(config: DictConfig) -> DictConfig:
    """Return ``config`` with its top-level keys and types checked against `Config`.

    Raises:
        UserError: Naming the wrong key and the valid ones.
    """
    try:
        typed = OmegaConf.merge(OmegaConf.structured(Config), config)
    except OmegaConfBaseException as error:
        key, what = getattr(error, "full_key", None), str(error).splitlines()[0]
        settings = ", ".join(Config.__annotations__)
        raise UserError(f"{f'{key}: ' if key else ''}{what}; the settings are {settings}") from error
    if not isinstance(typed, DictConfig):
        raise UserError("the settings must be a mapping")
    for key, least in (("threads", 1), ("retrieve", 0), ("seed", 0)):
        if typed[key] < least:
            raise UserError(f"{key}={typed[key]} must be at least {least}")
    if typed.truth.conflict not in CONFLICTS:
        raise UserError(f"truth.conflict={typed.truth.conflict!r} is unknown; choose one of {', '.join(CONFLICTS)}")
    if typed.timeout is not None and not typed.timeout > 0:  # NaN too
        raise UserError(f"timeout={typed.timeout} must be positive: seconds per method, or null for no limit")
    if typed.cpu_limit is not None and not typed.cpu_limit > 0:
        raise UserError(f"cpu_limit={typed.cpu_limit} must be positive: CPU seconds per issue, or null for no limit")
    if not 0 <= typed.truth.calibration < 1:
        raise UserError(f"truth.calibration={typed.truth.calibration} must be a share from 0 to below 1")
    memory_bytes(typed.memory_limit)
    return typed


def memory_bytes(text: str | None) -> int | None:
    """Return the bytes meant by a text such as ``4GiB`` or ``500MB``; None stays None.

    Raises:
        UserError: If the text is no amount of memory.

    Example:
        >>> memory_bytes("1.5 GiB")
        1610612736
    """
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMG]I?)?B?", str(text).strip().upper())
    amount = int(float(match[1]) * UNITS[match[2] or ""]) if match else 0
    if amount < UNITS["M"]:  # no process fits; a number without its unit is the likely mistake
        raise UserError(f"memory_limit={text!r} is no amount of memory; write for example 4GiB or 500MB")
    return amount
