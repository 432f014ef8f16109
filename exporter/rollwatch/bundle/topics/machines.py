"""Machines and processes: CPU, memory against its real limit, disks that fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollwatch.bundle.promql import OWN, beyond, first_of
from rollwatch.bundle.rules import Alert, Dashboard, Judged, Recording, Topic
from rollwatch.config.thresholds import Priority

if TYPE_CHECKING:
    from rollwatch.bundle.settings import Settings

__all__ = ["topic"]

_OURS = "service, environment, location"
_THEIRS = "service, environment, instance"
_PROCESS = "service, environment, process"
_IDLE = "idle|iowait"
"""What another program could have; time stolen by other virtual machines is not among it."""
_REAL_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'
"""Of node_exporter; rollwatch shows no others."""
_FULL = 0.999


def topic(settings: Settings) -> Topic:
    """The rules of machines; of a service that has both, node_exporter's figures go before rollwatch's."""
    return Topic(
        name="machines",
        title="Machines and processes",
        recordings=(*_processors(settings.window), *_memory(), *_disks()),
        judged=(
            Judged("cpu_ratio", "service:cpu:ratio"),
            Judged("memory_ratio", "service:memory:ratio"),
            Judged("disk_full_in_seconds", "service:disk_full_in:seconds"),
        ),
        alerts=(*_load_alerts(), *_disk_alerts()),
    )


def _ours(expr: str) -> str:
    """What rollwatch measures is of the machine at its location."""
    return f'label_replace(\n{expr},\n"machine", "$1", "location", "(.+)")'


def _theirs(expr: str) -> str:
    """What node_exporter measures is of the machine at its address."""
    return f'max without (instance) (label_replace(\n{expr},\n"machine", "$1", "instance", "(.+)"))'


def _processors(window: str) -> tuple[Recording, ...]:
    def idle(metric: str, *matchers: str) -> str:
        chosen = ",".join((*matchers, f'mode=~"{_IDLE}"'))
        return f"rate({metric}{{{chosen}}}[{window}])"

    machines = first_of(
        _theirs(
            f"1 - avg by ({_THEIRS}) (\n  sum by ({_THEIRS}, cpu) ({idle('node_cpu_seconds_total', OWN)})\n)"
        ),
        _ours(
            f"1 - sum by ({_OURS}) ({idle('rollwatch_host_cpu_seconds_total')})\n"
            f"  / max by ({_OURS}) (rollwatch_host_cpu_cores)"
        ),
    )
    processes = f"max by ({_PROCESS}) (rollwatch_app_cpu_ratio)"
    return (Recording("service:cpu:ratio", f"({machines})\nor\n{processes}"),)


def _memory() -> tuple[Recording, ...]:
    def share(by: str, used: str, limit: str) -> str:
        return f"max by ({by}) ({used})\n  / (max by ({by}) ({limit}) > 0)"

    free = f"node_memory_MemAvailable_bytes{{{OWN}}} / node_memory_MemTotal_bytes"
    machines = first_of(
        _theirs(f"1 - max by ({_THEIRS}) ({free})"),
        _ours(share(_OURS, "rollwatch_host_memory_limit_used_bytes", "rollwatch_host_memory_limit_bytes")),
    )
    processes = share(_PROCESS, "rollwatch_app_memory_bytes", "rollwatch_app_memory_limit_bytes")
    return (Recording("service:memory:ratio", f"({machines})\nor\n{processes}"),)


def _disks() -> tuple[Recording, ...]:
    def bytes_of(what: str) -> str:
        theirs = f"max by ({_THEIRS}, mountpoint) (node_filesystem_{what}_bytes{{{OWN},{_REAL_DISKS}}})"
        mounts = f'label_replace({_theirs(theirs)}, "mount", "$1", "mountpoint", "(.+)")'
        return first_of(
            f"max without (mountpoint) ({mounts})",
            _ours(f"max by ({_OURS}, mount) (rollwatch_host_filesystem_{what}_bytes)"),
        )

    def pace(span: str) -> str:
        return f'label_replace(deriv(service:disk_available:bytes{span}), "span", "{span}", "", "")'

    return (
        Recording("service:disk_available:bytes", bytes_of("avail")),
        Recording("service:disk_size:bytes", bytes_of("size")),
        Recording(
            "service:disk_used:ratio",
            "1 - service:disk_available:bytes / (service:disk_size:bytes > 0)",
        ),
        # The slowest of three: a file that is written once, however large, fills nothing.
        Recording(
            "service:disk_available:slowest_deriv",
            "max without (span) (\n"
            + "\n  or\n".join(f"  {pace(span)}" for span in ("[6h]", "[30m]", "[30m] offset 30m"))
            + "\n)\nand service:disk_available:bytes offset 1h",
        ),
        # A disk that has become full fills no more, and must not look mended. Some are full by their nature.
        Recording(
            "service:disk_full_in:seconds",
            f"service:disk_available:bytes * 0 and service:disk_used:ratio >= {_FULL}\n"
            f"  and min_over_time(service:disk_used:ratio[1d]) < {_FULL}\n"
            "or\n"
            "(service:disk_available:bytes and service:disk_used:ratio > 0.5)\n"
            "  / -(service:disk_available:slowest_deriv < 0)",
        ),
    )


def _load_alerts() -> tuple[Alert, ...]:
    where = "{{ if $labels.process }}process [process]{{ else }}machine [machine]{{ end }}"
    return (
        Alert(
            name="CpuHigh",
            priority=Priority.P1,
            expr=beyond("service:cpu:ratio", "cpu_ratio", Priority.P1),
            hold="5m",
            metric="service:cpu:ratio",
            condition="a machine or a process uses more of its CPU than the threshold",
            threshold="cpu_ratio",
            summary=f"CPU of [service] is at [value]: {where} ([environment])",
            description=(
                f"On {where} of [service], [value] of the CPU has been in use for [for]; the limit is "
                "[threshold]. Whatever runs there answers later and later, and has no room for a peak."
            ),
            dashboard=Dashboard.INFRASTRUCTURE,
        ),
        Alert(
            name="MemoryHigh",
            priority=Priority.P1,
            expr=beyond("service:memory:ratio", "memory_ratio", Priority.P1),
            hold="5m",
            metric="service:memory:ratio",
            condition="a machine or a process uses more of its memory than the threshold",
            threshold="memory_ratio",
            summary=f"Memory of [service] is at [value]: {where} ([environment])",
            description=(
                f"On {where} of [service], [value] of the memory it may have has been in use for [for]; the "
                "limit "
                "is [threshold]. When nothing is left, the kernel kills what needs most."
            ),
            dashboard=Dashboard.INFRASTRUCTURE,
        ),
    )


def _disk_alerts() -> tuple[Alert, ...]:
    used = (
        '{{ with query (printf "service:disk_used:ratio{service=%q,environment=%q,machine=%q,mount=%q}" '
        "$labels.service $labels.environment $labels.machine $labels.mount) }}"
        "{{ . | first | value | humanizePercentage }}{{ end }}"
    )

    def disk(name: str, priority: Priority, meaning: str) -> Alert:
        return Alert(
            name=name,
            priority=priority,
            expr=beyond("service:disk_full_in:seconds", "disk_full_in_seconds", priority),
            metric="service:disk_full_in:seconds",
            condition=(
                "a disk that is over half full will be full within the threshold, if it goes on as in the "
                "last 6 h, and as in both halves of the last hour; or has become full within a day"
            ),
            threshold="disk_full_in_seconds",
            summary="Disk [mount] on [machine] is full in [value] ([service], [environment])",
            description=(
                f"Disk [mount] on machine [machine] of [service] is {used} full, and at its present pace "
                f"there is no room left in [value]; the limit is [threshold]. {meaning}"
            ),
            dashboard=Dashboard.INFRASTRUCTURE,
        )

    return (
        disk("DiskFillsIn4Days", Priority.P2, "There is time to make room by day."),
        disk(
            "DiskFillsIn24Hours",
            Priority.P1,
            "A full disk stops databases and logs, and with them the service.",
        ),
    )
