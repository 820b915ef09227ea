"""The clock of the benchmarks beside MMSA: it runs from the word to the end of the work, and counts work alone."""

import importlib.util
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
WORKED_S = 0.2
# It works before and after the clock runs too, and sleeps while it runs.
SCRIPT = f"""
import sys, time
sys.path.insert(0, {str(BENCHMARKS)!r})
from mmsa_peer import Pace, answer

def busy(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass

def work():
    pace = Pace()
    busy({WORKED_S})
    print("what a library prints")
    pace.ready(clips=3)
    for _ in range(2):
        pace.go()
        busy({WORKED_S})
        time.sleep(0.3)
        pace.done()
        busy({WORKED_S})
    return pace.peaks()

answer({{"work": work}}, sys.argv[2:])
"""


@pytest.fixture(scope="module")
def peer():
    spec = importlib.util.spec_from_file_location("mmsa_peer", BENCHMARKS / "mmsa_peer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(sys.platform == "win32", reason="memory is counted on Linux and macOS only")
def test_a_round_is_as_long_as_its_work(peer, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    side = peer.Side(str(script), [sys.executable], "work")
    assert side.facts == {"clips": 3}
    for _ in range(2):
        started = time.perf_counter()
        seconds = side.round()
        wall_s = time.perf_counter() - started
        # Neither the sleep nor the work outside of the clock counts.
        assert WORKED_S <= seconds < 2 * WORKED_S and seconds < wall_s
    assert set(side.end()) == {"peak_mb", "step_mb", "mapped_mb"}
