"""Talks to the control endpoint of a running production, for the command line."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rollwatch.demo.announcement import running_ports
from rollwatch.demo.control.server import TOKEN_HEADER
from rollwatch.demo.faults import Fault
from rollwatch.demo.production.registry import CONTROL
from rollwatch.demo.trouble import DemoError

if TYPE_CHECKING:
    from rollwatch.demo.rundir import RunDir

__all__ = ["ControlClient", "FaultState"]

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class FaultState:
    """Whether one fault is on, and for how much longer (None: until it is switched off)."""

    is_on: bool
    remaining_s: float | None


class ControlClient:
    """Every call returns the state of all faults. Raises DemoError if no production answers."""

    def __init__(self, run_dir: RunDir) -> None:
        self._run_dir = run_dir

    def states(self) -> dict[Fault, FaultState]:
        return self._call("GET", "/faults", None)

    def switch_on(self, fault: Fault, *, for_s: float | None = None) -> dict[Fault, FaultState]:
        return self._call("POST", "/faults", {"fault": fault.value, "on": True, "for_s": for_s})

    def switch_off(self, fault: Fault) -> dict[Fault, FaultState]:
        return self._call("POST", "/faults", {"fault": fault.value, "on": False})

    def heal(self) -> dict[Fault, FaultState]:
        return self._call("POST", "/heal", {})

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[Fault, FaultState]:
        ports = running_ports(self._run_dir)
        if ports is None:
            raise DemoError(
                f"no demo production is running in {self._run_dir.path}. "
                "Start it with 'rollwatch demo up', or name its --run-dir"
            )
        # http.client reads no proxy from the environment: this call must stay on loopback.
        connection = http.client.HTTPConnection("127.0.0.1", ports[CONTROL], timeout=_TIMEOUT_S)
        try:
            token = self._run_dir.control_token.read_text("ascii").strip()
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={TOKEN_HEADER: token, "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise DemoError(
                f"the demo production of {self._run_dir.path} does not answer ({error}). "
                "Stop it with 'rollwatch demo down' and start it again with 'rollwatch demo up'"
            ) from error
        finally:
            connection.close()
        if response.status != 200:
            raise DemoError(f"the demo production refused: {answer.get('error')}")
        return {
            Fault(name): FaultState(state["on"], state["remaining_s"])
            for name, state in answer["faults"].items()
        }
