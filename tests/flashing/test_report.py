"""What the tool says, for people and programs, and with which exit code it ends."""

import json
import threading

import pytest
from daric_host.flashing.ports import Port
from daric_host.flashing.report import MIXED, Report, each
from daric_protocol.errors import DaricError

ONE, TWO = Port("/dev/one"), Port("/dev/two")


def fails(*names):
    """Work that fails with these errors, board by board; None: it does not."""
    by_port = dict(zip((ONE.path, TWO.path), names, strict=True))

    def work(port):
        if by_port[port.path] is not None:
            raise DaricError(by_port[port.path])
        return {"done": True}

    return work


@pytest.mark.parametrize(
    ("names", "code"),
    [((None, None), 0), ((None, "link"), 60), (("link", "link"), 60), (("link", "port"), MIXED)],
)
def test_the_exit_code_is_the_error_that_all_failures_share(names, code):
    with Report(True) as report:
        each([ONE, TWO], fails(*names), 2, report)
    assert report.code == code


def test_each_line_of_json_is_an_object_that_names_its_port(capsys):
    with Report(True) as report:
        bar = report.step(ONE, "write")
        for done in range(101):
            bar(done, 100)
        each([ONE, TWO], fails(None, "genuine"), 1, report)
        report.error(None, DaricError("parameter", "no board"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"port": "/dev/one", "event": "step", "step": "write"}
    bars = [line for line in lines if line["event"] == "progress"]
    assert 10 < len(bars) <= 21 and bars[-1] == {**bars[0], "done": 100}
    assert {"port": "/dev/one", "event": "result", "done": True} in lines
    error = next(line for line in lines if line["event"] == "error")
    assert [error["port"], error["error"], error["number"]] == ["/dev/two", "genuine", 41]
    assert "port" not in lines[-1]


def test_a_person_gets_results_on_one_stream_and_errors_on_the_other(capsys):
    with Report(False) as report:
        each([ONE, TWO], fails(None, "genuine"), 1, report)
    out, err = capsys.readouterr()
    assert "/dev/one" in out and "done" in out
    assert err.startswith("/dev/two: genuine: ")


def test_so_many_boards_are_worked_on_at_once_and_no_more():
    here, most = threading.Barrier(2, timeout=5), []

    def work(port):
        here.wait()  # passes only with two at once
        most.append(threading.active_count())
        return {}

    with Report(True) as report:
        each([ONE, TWO] * 2, work, 2, report)
    assert report.code == 0 and len(most) == 4


def test_a_port_that_fails_under_the_work_stops_no_other_board():
    def work(port):
        if port is ONE:
            raise OSError(5, "Input/output error")
        return {}

    with Report(True) as report:
        each([ONE, TWO], work, 1, report)
    assert report.code == 60
