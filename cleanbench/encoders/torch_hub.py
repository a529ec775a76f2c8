"""Networks that a repository hands out through torch.hub."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cleanbench.core import UserError, digest_of
from cleanbench.encoders.base import Encoder, Fitted
from cleanbench.encoders.hub import PATIENCE, unreachable
from cleanbench.encoders.inference import changes_of, check_network_settings, encode_with, preprocessing
from cleanbench.encoders.pretrained import code_digests
from cleanbench.encoders.weights import state_digest
from cleanbench.images import Images

SOURCES = ("github", "local")


@dataclass(frozen=True)
class TorchHub(Encoder):
    """Embeds an image with a network from ``torch.hub``.

    torch.hub runs the repository's Python code, and how that code reads its weights is its own affair: nothing
    happens unless ``trust`` says so.

    Attributes:
        repository: ``owner/name:tag`` on GitHub, or a folder that holds a ``hubconf.py``.
        entry: The function of ``hubconf.py`` that returns the network, one vector per image.
        arguments: Its keyword arguments.
        source: ``github`` or ``local``.
        trust: Whether the repository's code may run here.
        image_size: Side of the network's input in pixels.
        mean: Of red, green and blue, in [0, 1], subtracted; None is ImageNet's.
        std: Of red, green and blue, a divisor; None is ImageNet's.
        interpolation: ``bilinear``, ``bicubic`` or another one of timm; None is bicubic.
        crop_pct: Share of the resized image that the centre crop keeps; None is 0.875.
        crop_mode: ``center`` (crop), ``squash`` (distort) or ``border`` (pad); None is ``center``.
        device: A torch device.
        threads: Of torch.
    """

    repository: str
    entry: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source: str = "github"
    trust: bool = False
    image_size: int = 224
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    interpolation: str | None = None
    crop_pct: float | None = None
    crop_mode: str | None = None
    device: str = field(default="cpu", metadata={"identity": False})
    threads: int = field(default=1, metadata={"identity": False})

    def __post_init__(self) -> None:
        """Validate.

        Raises:
            UserError: If a setting is not of its type or makes no sense, or the code may not run.
        """
        check_network_settings(self)
        if self.source not in SOURCES:
            raise UserError(f"encoder.source={self.source!r} is unknown; choose one of {', '.join(SOURCES)}")
        if not self.trust:
            raise UserError(
                f"torch.hub runs the Python code of {self.repository} on this machine; read that code, then allow it "
                "with encoder.trust=true; encoder=timm and encoder=checkpoint run no code of others"
            )
        if self.source == "github" and not ("/" in self.repository and ":" in self.repository):
            raise UserError(
                f"encoder.repository={self.repository!r} must be owner/name:tag; without the tag its code may change"
            )

    def identity(self) -> str:
        """Return a digest of settings, code, the repository's Python files and the weights.

        The weights are known only once the network is loaded.
        """
        return digest_of([super().identity(), *code_digests(), self._code_digest, state_digest(self._network)])

    def prepare(self, images: Images, folder: Path) -> Fitted:
        """Load the network."""
        config = preprocessing(changes_of(self))
        return Fitted(state_digest(self._network), encode_with(self._network, config, self.device, self.threads))

    @cached_property
    def _network(self) -> Any:
        import torch

        if self.source == "github" and not self._code.is_dir() and (problem := unreachable(_ask_github)):
            raise UserError(
                f"{self.repository} is not in {self._code.parent}, and github.com cannot be reached ({problem}). Fetch "
                f"the repository where there is a network, copy it to {self._code} or set encoder.source=local "
                "encoder.repository=FOLDER; weights that it downloads belong into the folder checkpoints beside it"
            )
        try:
            with torch.random.fork_rng(devices=[]), _patience():
                torch.manual_seed(0)
                return torch.hub.load(  # type: ignore[no-untyped-call]
                    str(self._code) if self.source == "local" else self.repository,
                    self.entry,
                    source=self.source,
                    trust_repo=True,
                    verbose=False,
                    **self.arguments,
                )
        # A repository's code raises what it likes.
        except Exception as error:
            raise UserError(
                f"torch.hub cannot load {self.entry} of {self.repository}: {type(error).__name__}: {error}"
            ) from error

    @property
    def _code(self) -> Path:
        """Return the folder of the repository's code, where torch.hub keeps it."""
        import torch

        if self.source == "local":
            return Path(self.repository).expanduser().resolve()
        name = self.repository.replace("/", "_").replace(":", "_")
        return Path(torch.hub.get_dir()) / name

    @cached_property
    def _code_digest(self) -> str:
        assert self._network is not None  # loading it fetches the code
        files = sorted(self._code.rglob("*.py"))
        return digest_of(
            part for file in files for part in (file.relative_to(self._code).as_posix(), file.read_text("utf-8"))
        )


def _ask_github() -> object:
    from urllib.request import urlopen

    return urlopen("https://github.com", timeout=PATIENCE).close()


@contextmanager
def _patience() -> Iterator[None]:
    """Let connections that torch.hub opens fail within seconds; it sets no timeout of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
