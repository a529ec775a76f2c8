"""A child process and all that it started, watched while it runs and ended together; time and memory of this one."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

MIB = 2**20
POLL = 0.05  # seconds between two looks at the child: short against any run, long against the look


def watch(child: subprocess.Popen[bytes], memory_limit: int | None, timeout: float | None) -> str:
    """Wait for the child; stop it beyond a limit and return why."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        try:
            child.wait(POLL)
        except subprocess.TimeoutExpired:
            pass
        else:
            return ""
        if deadline is not None and time.monotonic() > deadline:
            return f"stopped after timeout={timeout:g} seconds"
        if memory_limit is not None:
            resident = sum(map(_resident, _family(child.pid)))
            if resident > memory_limit:
                return f"stopped at {resident // MIB} MiB, memory_limit is {memory_limit // MIB} MiB"


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and what it started, also what outlived it."""
    if child.poll() is None:
        for member in _family(child.pid):
            with suppress(psutil.NoSuchProcess):
                member.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # nobody is left, which macOS calls forbidden
            os.killpg(child.pid, signal.SIGKILL)


def end_with(parent: int) -> None:
    """End this process and its group, which it leads, as soon as its parent is gone, however that went."""
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(os.getpid(), signal.SIGKILL)


def cpu_seconds() -> float:
    """CPU time of this process and of its finished children."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system


def peak_mib() -> float:
    """Highest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory at the fork as this process's own
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MIB if sys.platform == "darwin" else 1024)


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants, as far as they are still there."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # it ended since it was listed
        return 0
