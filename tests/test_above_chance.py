"""Every method of the demo's committed board is better than chance where it should be, or the page says why not."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_methods_are_above_chance_or_their_page_says_why_not() -> None:
    script = ROOT / "benchmarks" / "above_chance.py"
    ended = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_method_at_chance_without_a_reason_fails(tmp_path: Path) -> None:
    script = tmp_path / "benchmarks" / "above_chance.py"
    script.parent.mkdir()
    source = (ROOT / "benchmarks" / "above_chance.py").read_text(encoding="utf-8")
    script.write_text(source.replace('("fine", "label_error")', '("unknown", "label_error")'), encoding="utf-8")
    command = [sys.executable, str(script), "--check", "--boards", str(ROOT / "leaderboards")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "fine, label_error" in ended.stdout
