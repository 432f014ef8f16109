"""Kill -9 at any time, again and again, while alerts keep coming: none is lost, and few come twice.

ROUNDS says how often the bridge is killed (default 10).
"""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from support.bridge_alerts import notification, raw_alert
from support.bridge_crash import bridge_process, post_until_taken, receiving, wait_until_sent
from support.bridge_running import configuration
from support.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("ROUNDS", "10"))


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_no_alert_is_lost_and_only_what_was_under_way_comes_twice(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    port = free_port()
    taken: list[tuple[str, str]] = []
    stop = threading.Event()

    def alertmanager() -> None:
        """Tells one alert after the other, asks again until each is taken, and repeats old ones."""
        number = 0
        while not stop.is_set():
            status = ("firing", "resolved")[number % 2]
            name = f"Alert{number // 2}"
            if post_until_taken(port, notification(raw_alert(name, status=status)), within_s=60):
                taken.append((name, status))
                number += 1
            old, its_status = random.choice(taken)
            post_until_taken(port, notification(raw_alert(old, status=its_status)), within_s=60)
            # Less than a webhook is sent in that time.
            time.sleep(0.2)

    with receiving() as receiver:
        config = configuration(tmp_path, f'  webhooks: {{chat: {{url: "{receiver.url}"}}}}')
        teller = threading.Thread(target=alertmanager, daemon=True)
        teller.start()
        for _ in range(ROUNDS):
            with bridge_process(config, port) as process:
                time.sleep(rng.uniform(0.0, 1.0))
                process.popen.kill()
        with bridge_process(config, port):
            stop.set()
            teller.join(60)
            wait_until_sent(port)
        lost = [one for one in taken if not receiver.got[one]]
        assert lost == []
        assert len(taken) >= ROUNDS / 2, "alerts were to come all the time"
        twice = sum(times - 1 for times in receiver.got.values())
        # One lane sends one alert at a time: a kill can hit one.
        assert twice <= ROUNDS
        # What was said first of an alert is told first.
        order = list(receiver.got)
        for name, status in taken:
            if status == "resolved":
                assert order.index((name, "firing")) < order.index((name, "resolved"))
