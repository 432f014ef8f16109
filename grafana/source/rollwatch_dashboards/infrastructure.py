"""Has a machine, a process or a disk too little left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.rules import Dashboard
from rollwatch_dashboards.board import Board, Row
from rollwatch_dashboards.colours import GREEN, ORANGE, RED
from rollwatch_dashboards.panels import bars, figure, lines
from rollwatch_dashboards.query import Query, where
from rollwatch_dashboards.tables import Column, listing

if TYPE_CHECKING:
    from rollwatch_dashboards.board import Panel

__all__ = ["board"]

_NONE = "no machine is measured: docs/host.md, or node_exporter"
_NO_HOST = "rollwatch measures no machine: docs/host.md"
_NO_APPS = "no service or platform reports its resources: docs/signals.md"
_MACHINE = "{{service}}: {{machine}} {{process}}"
_BUSY = where("rollwatch_host_cpu_seconds_total", 'mode!="idle"', located=True)
_CPU, _MEMORY = where("service:cpu:ratio"), where("service:memory:ratio")


def board() -> Board:
    """D4."""
    return Board(
        uid=Dashboard.INFRASTRUCTURE,
        title="rollwatch: infrastructure",
        description="Has a machine, a process or a disk too little left?",
        located=True,
        rows=(
            Row("Now", _answers()),
            Row("CPU and memory", _load()),
            Row("Disks", _disks()),
            Row("Traffic", _traffic()),
            Row("Processes and containers", _processes()),
        ),
    )


def _answers() -> tuple[Panel, ...]:
    used = ((None, GREEN), (0.8, ORANGE), (0.95, RED))
    return (
        figure(
            "CPU, busiest",
            "Share of the CPU in use, of the machine or process that has least left.",
            Query(f"max({_CPU})"),
            unit="percentunit",
            empty=_NONE,
            decimals=0,
            trend=True,
        ),
        figure(
            "Memory, fullest",
            "Share of the memory it may have that is in use, of the machine or process that has least left.",
            Query(f"max({_MEMORY})"),
            unit="percentunit",
            empty=_NONE,
            decimals=0,
            trend=True,
        ),
        figure(
            "Disk, fullest",
            "Share of a disk that is in use, of the fullest.",
            Query(f"max({where('service:disk_used:ratio')})", instant=True),
            unit="percentunit",
            empty=_NONE,
            steps=used,
            decimals=0,
        ),
        figure(
            "A disk is full in",
            "Of the disks that are over half full and fill: when the first one is full, if it goes on "
            "like this.",
            Query(
                f"min({where('service:disk_full_in:seconds')}) "
                f"or count({where('service:disk_used:ratio')}) * Inf",
                instant=True,
            ),
            unit="s",
            empty=_NONE,
            decimals=0,
        ),
        figure(
            "Machines",
            "Machines that are measured, by rollwatch or by node_exporter.",
            Query(f"count(count by (service, machine) ({where('service:disk_size:bytes')}))", instant=True),
            unit="short",
            empty=_NONE,
        ),
        figure(
            "Load",
            "Processes that run or wait to, over a minute, of the machine that has most.",
            Query(f"max({where('rollwatch_host_load1', located=True)})"),
            unit="short",
            empty=_NO_HOST,
            decimals=1,
            trend=True,
        ),
    )


def _load() -> tuple[Panel, ...]:
    return (
        lines(
            "CPU",
            "Share in use of what may be used, by machine and process, and the limit.",
            Query(f"max by (service, machine, process) ({_CPU})", _MACHINE),
            unit="percentunit",
            empty=_NONE,
            limit="cpu_ratio",
            most=1,
        ),
        lines(
            "Memory",
            "Share in use of the real limit (container, host or heap), by machine and process, and the "
            "limits.",
            Query(f"max by (service, machine, process) ({_MEMORY})", _MACHINE),
            unit="percentunit",
            empty=_NONE,
            limit="memory_ratio",
            most=1,
        ),
        lines(
            "What the CPU does",
            "Cores by mode; waiting for disks (iowait) is no use of the CPU.",
            Query(
                f"sum by (location, mode) (rate({_BUSY}[$__rate_interval]))",
                "{{location}}: {{mode}}",
            ),
            unit="short",
            empty=_NO_HOST,
            stacked=True,
        ),
        lines(
            "Memory in bytes",
            "In use, and all there is; swap in use beside it.",
            Query(_bytes("rollwatch_host_memory_used_bytes"), "{{location}}: used"),
            Query(_bytes("rollwatch_host_memory_total_bytes"), "{{location}}: all"),
            Query(_bytes("rollwatch_host_swap_used_bytes"), "{{location}}: swap"),
            unit="bytes",
            empty=_NO_HOST,
        ),
    )


def _disks() -> tuple[Panel, ...]:
    by_disk = "max by (service, machine, mount) ({})".format
    return (
        listing(
            "Disks",
            "Every disk, fullest first.",
            Column(heading="Service", label="service"),
            Column(heading="Machine", label="machine"),
            Column(heading="Disk", label="mount"),
            Column(
                heading="Used",
                expr=by_disk(where("service:disk_used:ratio")),
                unit="percentunit",
                decimals=0,
                steps=((None, GREEN), (0.8, ORANGE), (0.95, RED)),
            ),
            Column(heading="Free", expr=by_disk(where("service:disk_available:bytes")), unit="bytes"),
            Column(heading="Size", expr=by_disk(where("service:disk_size:bytes")), unit="bytes"),
            empty=_NONE,
            sort="Used",
        ),
        lines(
            "Free",
            "Bytes that are free; a line that falls steadily is a disk that will be full.",
            Query(by_disk(where("service:disk_available:bytes")), "{{service}}: {{machine}} {{mount}}"),
            unit="bytes",
            empty=_NONE,
        ),
        lines(
            "Reads and writes",
            "Bytes a second, by disk; writes are drawn below.",
            Query(_rate("rollwatch_host_disk_read_bytes_total", "device"), "{{location}} {{device}}: read"),
            Query(
                "-" + _rate("rollwatch_host_disk_written_bytes_total", "device"),
                "{{location}} {{device}}: written",
            ),
            unit="Bps",
            empty=_NO_HOST,
            least=None,
        ),
        lines(
            "Disks at work",
            "Share of the time in which a disk had something to do.",
            Query(_rate("rollwatch_host_disk_io_seconds_total", "device"), "{{location}} {{device}}"),
            unit="percentunit",
            empty=_NO_HOST,
        ),
    )


def _traffic() -> tuple[Panel, ...]:
    return (
        lines(
            "Network",
            "Bytes a second, by interface; what is sent is drawn below.",
            Query(
                _rate("rollwatch_host_network_receive_bytes_total", "interface"),
                "{{location}} {{interface}}: in",
            ),
            Query(
                "-" + _rate("rollwatch_host_network_transmit_bytes_total", "interface"),
                "{{location}} {{interface}}: out",
            ),
            unit="Bps",
            empty=_NO_HOST,
            least=None,
        ),
        lines(
            "Network errors",
            "Packets a second that were lost or broken on the way in and out.",
            Query(
                _rate("rollwatch_host_network_receive_errors_total", "interface"),
                "{{location}} {{interface}}: in",
            ),
            Query(
                _rate("rollwatch_host_network_transmit_errors_total", "interface"),
                "{{location}} {{interface}}: out",
            ),
            unit="pps",
            empty=_NO_HOST,
        ),
    )


def _processes() -> tuple[Panel, ...]:
    return (
        lines(
            "CPU of processes",
            "Cores that each declared process uses.",
            Query(_rate("rollwatch_process_cpu_seconds_total", "process"), "{{location}}: {{process}}"),
            unit="short",
            empty="no processes are declared: docs/host.md",
        ),
        lines(
            "Memory of processes",
            "Resident memory of each declared process.",
            Query(
                "max by (location, process) "
                f"({where('rollwatch_process_resident_memory_bytes', located=True)})",
                "{{location}}: {{process}}",
            ),
            unit="bytes",
            empty="no processes are declared: docs/host.md",
        ),
        lines(
            "Memory, as the platform reports it",
            "Of processes and containers that rollwatch can't reach, and the limit that ends them.",
            Query(
                f"max by (service, process) ({where('rollwatch_app_memory_bytes')})",
                "{{service}}: {{process}}",
            ),
            Query(
                f"max by (service, process) ({where('rollwatch_app_memory_limit_bytes')})",
                "{{service}}: {{process}}, most",
            ),
            unit="bytes",
            empty=_NO_APPS,
        ),
        lines(
            "CPU, as the platform reports it",
            "Share in use of what a process or container may use.",
            Query(
                f"max by (service, process) ({where('rollwatch_app_cpu_ratio')})", "{{service}}: {{process}}"
            ),
            unit="percentunit",
            empty=_NO_APPS,
            most=1,
        ),
        bars(
            "Growth within a week",
            "Databases and disks by how much more they hold than a week ago; over 10 % is told as a P3.",
            Query(
                f"max by (service, what) ({where('service:stored_growth:ratio_1w')})",
                "{{service}}: {{what}}",
                instant=True,
            ),
            unit="percentunit",
            empty="measured for less than a week",
            span=12,
        ),
        bars(
            "What is stored",
            "Databases and disks by how much they hold now.",
            Query(
                f"max by (service, what) ({where('service:stored:bytes')})",
                "{{service}}: {{what}}",
                instant=True,
            ),
            unit="bytes",
            empty=_NONE,
            span=12,
        ),
    )


def _bytes(metric: str) -> str:
    return f"max by (location) ({where(metric, located=True)})"


def _rate(metric: str, label: str) -> str:
    return f"sum by (location, {label}) (rate({where(metric, located=True)}[$__rate_interval]))"
