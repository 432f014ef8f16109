"""Kill -9 at every step: nothing that was taken is lost, and only a death inside a send sends it twice."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from support.bridge_alerts import notification, raw_alert
from support.bridge_crash import bridge_process, post_until_taken, receiving, wait_until_sent
from support.bridge_crashing import STEPS
from support.bridge_running import configuration
from support.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path

INSIDE_A_SEND = {"after_claim", "inside_send", "after_send"}


@pytest.mark.parametrize("step", [*STEPS, "inside_send"])
def test_an_alert_arrives_whenever_we_die(tmp_path: Path, step: str) -> None:
    port = free_port()
    body = notification(raw_alert())
    with receiving() as receiver:
        config = configuration(tmp_path, f'  webhooks: {{chat: {{url: "{receiver.url}"}}}}')
        with bridge_process(config, port, None if step == "inside_send" else step) as process:
            if step == "inside_send":
                # The far end has it; we die before it can say so.
                receiver.on_call = process.popen.kill
            # Alertmanager goes on asking while there is nobody, and until somebody is there again.
            answers: list[bool] = []
            asking = threading.Thread(target=lambda: answers.append(post_until_taken(port, body)))
            asking.start()
            assert process.wait() == -9
        with bridge_process(config, port) as process:
            asking.join(40)
            assert answers == [True]
            wait_until_sent(port)
            # What it repeats afterwards is not sent again.
            assert post_until_taken(port, body)
            wait_until_sent(port)
            said_twice = "event=bridge_sending_again" in process.output
        assert set(receiver.got) == {("HealthDown", "firing")}
        times = receiver.got["HealthDown", "firing"]
        assert times == (2 if step in {"inside_send", "after_send"} else 1)
        assert said_twice is (step in INSIDE_A_SEND)


def test_sigterm_ends_it_cleanly_and_sighup_reads_the_file(tmp_path: Path) -> None:
    port = free_port()
    with receiving() as receiver:
        config = configuration(tmp_path, f'  webhooks: {{chat: {{url: "{receiver.url}"}}}}')
        with bridge_process(config, port) as process:
            process.signal(signal.SIGHUP)
            process.line_with("event=config_loaded")
            assert post_until_taken(port, notification(raw_alert()))
            wait_until_sent(port)
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
            assert "event=stopping" in process.output
