"""From a composed configuration to outcomes: the work of ``python -m cleanbench``."""

import inspect
import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from cleanbench import config, zoo
from cleanbench.contamination.base import Contamination
from cleanbench.core import UserError
from cleanbench.datasets.calibration import with_calibration
from cleanbench.datasets.truth_choice import with_truth
from cleanbench.detector import SOLVED_BY, Detector
from cleanbench.encoders.base import Encoder
from cleanbench.image_set import ImageSet
from cleanbench.records import Seeds, explain
from cleanbench.request import Outcome, Request
from cleanbench.run import run
from cleanbench.spelling import nearest
from cleanbench.store import Store

T = TypeVar("T")


def rank(
    composed: DictConfig, choices: Mapping[str, str], search: Sequence[str] = (), words: Sequence[str] = ()
) -> Outcome:
    """Run one method as the configuration says.

    Args:
        composed: The configuration as Hydra composed it.
        choices: The chosen option of each config group: ``method``, ``dataset``, ``encoder``.
        search: Folders of configurations besides the installed ones.
        words: The settings that were given, as the command line has them: kept, so that a reader can repeat the run.

    Raises:
        UserError: If a setting makes no sense.
    """
    cfg = config.checked(composed)
    settings = {group: _resolved(cfg, group) for group in ("method", "dataset", "contamination", "encoder")}
    if unnamed := [group for group in ("method", "dataset", "encoder") if group not in choices]:
        raise UserError(f"{unnamed[0]} has settings but no name; choose it by name: {unnamed[0]}=NAME")
    _check_settings(settings["method"], "method")
    detector = _target(settings["method"], "method")
    if not (isinstance(detector, type) and issubclass(detector, Detector)):
        raise UserError(f"method: {settings['method']['_target_']} is no subclass of cleanbench.Detector")
    if not detector.missing():
        # A wrong value is told before hours of training, not after; what else a constructor raises is told by the run.
        with suppress(InstantiationException):
            _made(settings["method"], Detector, "method")
    if not detector.issues():
        raise UserError(f"{detector.__name__} solves no issue; it should override {' or '.join(SOLVED_BY.values())}")
    image_set = image_set_of(cfg)
    defaults = _defaults(detector, choices["method"], settings["method"], search)
    changed = {key: value for key, value in settings["method"].items() if key != "seed" and value != defaults.get(key)}
    request = Request(
        method=choices["method"],
        method_config=settings["method"],
        changed=changed,
        detector=detector,
        image_set=image_set,
        encoder_name=choices["encoder"],
        encoder=_made(settings["encoder"], Encoder, "encoder"),
        seeds=_seeds(settings["dataset"].get("seed"), settings["encoder"].get("seed"), int(cfg.seed)),
        output=Path(cfg.output).expanduser(),
        device=cfg.device,
        threads=cfg.threads,
        memory_limit=config.memory_bytes(cfg.memory_limit),
        cpu_limit=cfg.cpu_limit,
        timeout=cfg.timeout,
        retrieve=cfg.retrieve,
        force=cfg.force,
        who=cfg.who or "",
        licence=cfg.licence or "",
        config=f"# {_command(words, search)}\n{OmegaConf.to_yaml(composed, resolve=True)}",
    )
    outcome = run(request, Store.default())
    if cfg.report and outcome.folder is not None:
        from cleanbench.report.writing import try_to_report_run

        try_to_report_run(outcome.folder, image_set, outcome)
    return outcome


def _seeds(dataset: Any, encoder: Any, method: int) -> Seeds:
    try:
        return Seeds(dataset=dataset, encoder=encoder, method=method)
    except ValidationError as error:
        raise UserError(f"the seeds of data set, encoder and method: {explain(error)}") from error


def _command(words: Sequence[str], search: Sequence[str]) -> str:
    """Return what repeats a run, as a shell takes it."""
    folders = [f"--config-dir={folder}" for folder in search]
    return shlex.join(["python", "-m", "cleanbench", *folders, *words]).replace("\n", " ")


def image_set_of(cfg: DictConfig) -> ImageSet:
    """Return the data set that a checked configuration describes: made, contaminated, some of its truth told.

    Raises:
        UserError: If a setting makes no sense, or what it names cannot be read.
    """
    made = (json.dumps(_resolved(cfg, group), sort_keys=True) for group in ("dataset", "contamination"))
    return _image_set(*made, cfg.truth.name, cfg.truth.revision, float(cfg.truth.calibration))


def _defaults(
    detector: type[Detector], name: str, settings: Mapping[str, Any], search: Sequence[str]
) -> dict[str, Any]:
    """Return the settings of a method that nobody changed; None where there is no default."""
    parameters = inspect.signature(detector).parameters.values()
    required: dict[str, Any] = {
        item.name: None for item in parameters if item.default is item.empty and item.name in settings
    }
    try:
        return zoo.config_of(name, search=search)
    except UserError:  # a setting has no default: what is given for it counts as changed
        return zoo.config_of(name, search=search, **required)


# A sweep asks for the same set once per method; its files are read and hashed once.
@lru_cache(maxsize=1)
def _image_set(
    settings: str, contamination: str, name: str | None, revision: str | None, calibration: float
) -> ImageSet:
    # A wrong setting of the contamination is told before the data set is read.
    planted = _made(json.loads(contamination), Contamination, "contamination")  # type: ignore[type-abstract]
    given = json.loads(settings)
    image_set = planted.apply(with_truth(_made(given, ImageSet, "dataset"), name, revision, given.get("conflict")))
    return with_calibration(image_set, calibration) if calibration else image_set


def _made(settings: Mapping[str, Any], kind: type[T], group: str) -> T:
    """Make what a config group describes, with an error that names the setting at fault."""
    _check_settings(settings, group)
    made = zoo.make(dict(settings))
    if not isinstance(made, kind):
        raise UserError(f"{group}: {settings.get('_target_')} made a {type(made).__name__}, not a {kind.__name__}")
    return made


def _target(settings: Mapping[str, Any], group: str) -> Any:
    """Return the class or function that a config group names."""
    from hydra.utils import get_object

    try:
        return get_object(settings["_target_"])
    except Exception as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"{group}: {settings['_target_']} cannot be imported: {reason}") from error


def _check_settings(settings: Mapping[str, Any], group: str) -> None:
    """Raise a `UserError` for a setting that the constructor does not take."""
    parameters = inspect.signature(_target(settings, group)).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in settings:
        if name not in parameters and not name.startswith("_"):
            raise UserError(f"the {group} has no setting called {name!r}.{nearest(name, parameters)}")


def _resolved(cfg: DictConfig, group: str) -> dict[str, Any]:
    if not OmegaConf.is_dict(cfg.get(group)):
        raise UserError(f"{group} must be one of {', '.join(zoo.available(group))}")
    try:
        settings = OmegaConf.to_container(cfg[group], resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or group
        raise UserError(f"{key} has no value; give one: {key}=…") from error
    if not isinstance(settings, dict) or "_target_" not in settings:
        raise UserError(f"{group} must be one of {', '.join(zoo.available(group))}")
    return {str(name): value for name, value in settings.items()}
