"""What ``pulseline doctor broker`` shows."""

from __future__ import annotations

import pytest

from pulseline_client import cli
from pulseline_client.commands.doctor import show
from pulseline_client.commands.output import Form
from pulseline_client.doctor.examination import Examination
from pulseline_client.doctor.finding import Finding, Guarantee, Verdict
from pulseline_client.doctor.probes.restart import Survival, judge_survival
from pulseline_client.doctor.probes.takeover import judge_take_over

FINDINGS: tuple[Finding, ...] = (
    judge_take_over(hears=False, is_kept=True, is_old_open=True),
    *judge_survival(Survival(has_retained=False, has_session=False, queued=3), how="kill -9"),
)
EXAMINATION = Examination(
    url="mqtt://nas:1883", broker="mosquitto version 2.0.11", findings=FINDINGS, leftovers=("session 'x'",)
)


def test_table_fits_eighty_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Long sentences go on in the next line; nothing is cut."""
    monkeypatch.setenv("COLUMNS", "80")

    show(EXAMINATION, Form.TABLE, is_restarted=False)

    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["CHECK", "VERDICT", "SEEN", "FOR", "PULSELINE"]
    assert "…" not in output.out
    assert output.err == (
        "mqtt://nas:1883 (mosquitto version 2.0.11): at worst 'fails'.\n"
        "What survives a restart was not tried: --restart-command.\n"
        "warning: left behind on the broker: session 'x'\n"
    )


def test_lines_have_four_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """For cut and awk."""
    show(EXAMINATION, Form.LINES, is_restarted=True)

    output = capsys.readouterr()
    assert [line.count("\t") for line in output.out.splitlines()] == [3] * len(FINDINGS)
    assert output.err == "warning: left behind on the broker: session 'x'\n"


def test_json_names_guarantees_and_figures() -> None:
    """A program needs no sentence."""
    answer = EXAMINATION.to_json()

    assert answer["worst"] == Verdict.FAILS.value
    assert isinstance(answer["findings"], list)
    assert answer["findings"][1] == FINDINGS[1].to_json()
    assert FINDINGS[1].to_json()["guarantee"] == Guarantee.BROKER_RESTART.value
    assert FINDINGS[1].to_json()["facts"] == {"kept": 3, "sent": 50, "idle_s": 2.0}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nas"], "pulseline: error: the broker's URL is 'nas', not of the form mqtt://user@host:port or mqtts://"),
        (["mqtt://a:b@nas"], "pulseline: error: the broker's URL holds a password, which others can read there (set"),
        (["mqtt://nas", "--prefix", "a/#"], "pulseline: error: topic 'a/#' holds a wildcard"),
    ],
)
def test_wrong_arguments_are_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit code of wrong usage."""
    code = cli.run(["doctor", "broker", *arguments])

    assert code == 2
    assert capsys.readouterr().err.startswith(line)
