"""Weights of networks: read without running what a file says, fitted to a backbone, named by digest."""

import argparse
import hashlib
import pickle
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cleanbench.core import UserError

if TYPE_CHECKING:
    import torch

# Where training code keeps the state dict in a checkpoint; the first one that is there counts. DINO keeps a
# student and a teacher, and evaluates the teacher.
ENTRIES = ("teacher", "state_dict_ema", "model_ema", "state_dict", "model", "student")

# What wrappers put before every name: distributed training and torch.compile.
WRAPPERS = ("module.", "_orig_mod.")

# What training code calls the backbone among the parts of a model; heads lie beside it.
PARTS = ("", "backbone.", "encoder.", "model.", "net.", "teacher.backbone.", "student.backbone.")

# Layers behind the embedding: classifiers, and the projection heads of self-supervised learning.
HEADS = ("head.", "head_dist.", "fc.", "classifier.", "projection_head.", "mask_token", "masked_embed")

State = dict[str, "torch.Tensor"]


def state_digest(module: "torch.nn.Module") -> str:
    """Return the SHA-256 of a network's parameters and buffers: names, types, shapes and bytes, sorted by name."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def read_state(path: Path, entry: str | None = None) -> State:
    """Read the state dict in a ``.safetensors`` file or in one written by ``torch.save``.

    Nothing in the file is executed: PyTorch's weights-only reader takes tensors and plain containers. Beyond
    what it takes by itself, `argparse.Namespace` is let through, a mere holder of settings that training code
    likes to keep beside the weights.

    Args:
        path: The file.
        entry: The key under which the state dict lies; None takes the first of `ENTRIES` that is there,
            or else the file as a whole.

    Raises:
        UserError: If the file is damaged, needs code to be read, or holds no state dict there.
    """
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)
    if entry is None:
        entry = next((name for name in ENTRIES if isinstance(content.get(name), Mapping)), None)
    elif not isinstance(content.get(entry), Mapping):
        groups = [str(key) for key, value in content.items() if isinstance(value, Mapping)]
        raise UserError(
            f"{path} has no state dict under {entry!r}; it has {', '.join(groups) or 'none in entries'}: "
            "set encoder.entry to one of them, or to null"
        )
    state = content if entry is None else content[entry]
    tensors = {str(name): value for name, value in state.items() if _is_tensor(value)}
    if not tensors:
        raise UserError(
            f"{path} holds no weights{f' under {entry!r}' if entry else ''}; "
            f"its keys are {_listed([str(key) for key in content])}; name the right one with encoder.entry"
        )
    return tensors


def backbone_state(state: Mapping[str, "torch.Tensor"], names: Collection[str]) -> State:
    """Return the part of a state dict that is the backbone, under the backbone's own names.

    Prefixes of wrappers (`WRAPPERS`) are stripped from every name; of `PARTS` the one is stripped that lets
    most names match. What does not lie under it, and heads (`HEADS`) that the backbone lacks, is left out.

    Args:
        state: Tensors by name, as a checkpoint holds them.
        names: The names that the backbone has.
    """
    bare = {_unwrapped(name): tensor for name, tensor in state.items()}
    found = [{name[len(part) :]: bare[name] for name in bare if name.startswith(part)} for part in PARTS]
    best = max(found, key=lambda candidate: len(candidate.keys() & set(names)))
    return {name: tensor for name, tensor in best.items() if name in names or not name.startswith(HEADS)}


def mismatch(state: Mapping[str, "torch.Tensor"], model: "torch.nn.Module") -> str:
    """Say how a state dict differs from what a network needs; empty if it does not."""
    own = model.state_dict()
    shared = own.keys() & state.keys()
    shapes = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}"
        for name in sorted(shared)
        if state[name].shape != own[name].shape
    ]
    problems = {
        "missing": sorted(own.keys() - shared),
        "unmatched": sorted(state.keys() - shared),
        "of another shape": shapes,
    }
    return "; ".join(f"{len(names)} {kind}: {_listed(names)}" for kind, names in problems.items() if names)


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no safetensors file, or it is damaged: {error}") from error


def _torch_file(path: Path) -> dict[str, Any]:
    import torch

    try:
        with warnings.catch_warnings():
            # A TorchScript archive is announced by a warning before it is refused.
            warnings.simplefilter("ignore")
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is refused: reading it would run code from the file ({_culprit(error)}). Where you trust its "
            "origin, load it there and save the weights alone: "
            'torch.save({"state_dict": model.state_dict()}, "weights.pth")'
        ) from error
    # A damaged archive raises one of many types.
    except Exception as error:
        script = " It is a TorchScript archive: set encoder.model=null." if "TorchScript" in str(error) else ""
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise UserError(f"{path} cannot be read as weights: {reason[0]}.{script}") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a state dict")
    return dict(content)


def _culprit(error: BaseException) -> str:
    """Return the line in which PyTorch names what it refuses."""
    lines = [line.strip() for line in str(error).splitlines()]
    named = [line for line in lines if "Unsupported" in line or "GLOBAL" in line]
    return (named or lines or [""])[0].split(" was not")[0].removeprefix("WeightsUnpickler error: ")


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _unwrapped(name: str) -> str:
    while name.startswith(WRAPPERS):
        name = name.split(".", 1)[1]
    return name


def _listed(names: Collection[str], most: int = 8) -> str:
    shown = ", ".join(list(names)[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"
