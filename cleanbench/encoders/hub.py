"""Files of Hugging Face repositories: from the cache without asking anybody, else over the network, or told why not."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanbench.core import UserError

# Seconds until a server that does not answer counts as absent. huggingface_hub by itself tries for most of a
# minute, for every file name in turn.
PATIENCE = 6.0


class OutOfReach(UserError):
    """A file is not in the cache, and cannot be had now."""


class NotInRepository(OutOfReach):
    """The repository answers, but has no such file."""


@dataclass(frozen=True)
class Repository:
    """A Hugging Face repository.

    Attributes:
        name: ``owner/name``.
        kind: ``model`` or ``dataset``.
        revision: Commit, branch or tag; None: its main branch.
    """

    name: str
    kind: str = "model"
    revision: str | None = None

    @property
    def cache_folder(self) -> str:
        """The name of its folder in the cache."""
        return f"{self.kind}s--{self.name.replace('/', '--')}"

    @property
    def command(self) -> str:
        """What fetches it where there is a network."""
        kind = "" if self.kind == "model" else f" --repo-type {self.kind}"
        return f"hf download {self.name}{kind}{f' --revision {self.revision}' if self.revision else ''}"


def hub_file(repository: str | Repository, names: Sequence[str], cure: str) -> Path:
    """Return a file of a Hugging Face repository, the first of ``names`` that there is.

    What lies in the cache is taken without a look at the network, so that a filled cache works offline and
    a result does not move when the repository does.

    Args:
        repository: Where to look; a text names a repository of models.
        names: File names, the best first.
        cure: What else the user may do, the end of a message.

    Raises:
        OutOfReach: If the file is not in the cache and cannot be had, within seconds.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    if isinstance(repository, str):
        repository = Repository(repository)
    for name in names:
        cached = try_to_load_from_cache(repository.name, name, revision=repository.revision, repo_type=repository.kind)
        if isinstance(cached, str):
            return Path(cached)
    if constants.HF_HUB_OFFLINE:
        raise _absent(repository, names, "HF_HUB_OFFLINE forbids to ask for them", cure)
    # Hydra shows what libraries log; every request would be a line.
    for client in ("httpx", "httpx2"):
        logging.getLogger(client).setLevel(logging.WARNING)
    if problem := unreachable(_ask_hub):
        raise _absent(repository, names, f"{constants.ENDPOINT} cannot be reached ({problem})", cure)
    return _downloaded(repository, names, cure)


def unreachable(ask: Callable[[], object], patience: float = PATIENCE) -> str:
    """Say why a server does not answer, within ``patience`` seconds; empty if it does.

    Args:
        ask: Sends a request; whatever comes back will do.
        patience: In seconds.
    """
    outcome: list[str] = []

    def attempt() -> None:
        try:
            ask()
        # Clients raise types of their own, which differ between versions; any of them means: no answer.
        except Exception as error:
            outcome.append(str(error) or type(error).__name__)
        else:
            outcome.append("")

    # Name resolution knows no timeout: a thread is waited for, and left behind.
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(patience)
    return outcome[0] if outcome else f"no answer within {patience:g} seconds"


def _ask_hub() -> object:
    from huggingface_hub import constants, get_session

    return get_session().head(constants.ENDPOINT, timeout=PATIENCE)


def _downloaded(repository: Repository, names: Sequence[str], cure: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    for name in names:
        try:
            return Path(hf_hub_download(repository.name, name, revision=repository.revision, repo_type=repository.kind))
        except LocalEntryNotFoundError as error:  # what a connection that breaks off becomes
            reason = _first(error.__cause__ or error)
            raise _absent(repository, names, f"the download failed ({reason})", cure) from error
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError) as error:
            raise _absent(repository, names, f"the download failed ({_first(error)})", cure) from error
    raise NotInRepository(str(_absent(repository, names, "the repository has none of these files", cure)))


def _absent(repository: Repository, names: Sequence[str], reason: str, cure: str) -> OutOfReach:
    from huggingface_hub import constants

    return OutOfReach(
        f"{' or '.join(names)} of the Hugging Face repository {repository.name} is not in the cache "
        f"{constants.HF_HUB_CACHE}, and {reason}. Run `{repository.command}` where there is a network and copy "
        f"the folder {repository.cache_folder} into that cache (HF_HOME names another one; HF_HUB_OFFLINE=1 never "
        f"asks); {cure}"
    )


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
