"""What to run, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cleanbench import records
from cleanbench.core import Issue
from cleanbench.detector import Detector
from cleanbench.encoders.base import Encoder
from cleanbench.image_set import ImageSet

# By issue, from the most suspicious on: score and names of images.
Top = Mapping[Issue, tuple[tuple[float, tuple[str, ...]], ...]]


@dataclass(frozen=True)
class Request:
    """What to run.

    Attributes:
        method: Name of the method's configuration.
        method_config: Its resolved settings with ``_target_``.
        changed: The settings that differ from the configuration's defaults.
        detector: The method's class.
        image_set: The data set.
        encoder_name: Name of the encoder's configuration.
        encoder: The encoder, used if the method needs embeddings.
        seeds: Of data set, encoder and method.
        output: Where run folders go.
        device: For methods and encoders that use one.
        threads: Per method.
        memory_limit: Bytes, or None.
        cpu_limit: CPU seconds that the method may be expected to take for an issue, or None.
        timeout: Seconds, or None.
        retrieve: Pairs to list where near-duplicates have no truth.
        force: Whether to repeat a finished run.
        who: Who runs it, as records say; empty: not stated.
        licence: Under which others may use the rankings; empty: not stated.
        config: The whole resolved configuration as YAML, kept beside the results.
    """

    method: str
    method_config: Mapping[str, Any]
    changed: Mapping[str, Any]
    detector: type[Detector]
    image_set: ImageSet
    encoder_name: str
    encoder: Encoder
    seeds: records.Seeds
    output: Path
    device: str = "cpu"
    threads: int = 1
    memory_limit: int | None = None
    cpu_limit: float | None = None
    timeout: float | None = None
    retrieve: int = 1000
    force: bool = False
    who: str = ""
    licence: str = ""
    config: str = ""

    @property
    def label(self) -> str:
        """The method with the settings that differ from its defaults, as tables show it."""
        return records.label(self.method, self.changed)


@dataclass(frozen=True)
class Outcome:
    """What became of a request.

    Attributes:
        method: The method as tables show it.
        encoder: The encoder, or None if the method reads no embeddings.
        run: Its records, and the issues without one with their reasons.
        folder: Where the results are; None if nothing could be ranked.
        reused: Whether a finished run was found.
        failed: Whether something that can run here did not.
        warnings: What the user should know about the data set and the embeddings, in sentences.
        top: The most suspicious items of the issues without ground truth.
    """

    method: str
    encoder: str | None
    run: records.RunFile
    folder: Path | None
    reused: bool = False
    failed: bool = False
    warnings: tuple[str, ...] = ()
    top: Top = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, for a sweep whose jobs run elsewhere."""
        folder = None if self.folder is None else str(self.folder)
        return {**vars(self), "run": self.run.model_dump(mode="json"), "folder": folder}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Outcome":
        """Return what `to_json` wrote."""
        folder = None if content["folder"] is None else Path(content["folder"])
        run, warnings = records.RunFile.model_validate(content["run"]), tuple(content["warnings"])
        top = {
            Issue(issue): tuple((score, tuple(names)) for score, names in rows)
            for issue, rows in content["top"].items()
        }
        return cls(**{**content, "run": run, "folder": folder, "warnings": warnings, "top": top})
