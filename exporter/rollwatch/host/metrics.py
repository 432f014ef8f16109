"""Every figure of the host and of declared processes; series are named by the config's `host.service`."""

from __future__ import annotations

from rollwatch.metrics.definition import MetricDef, MetricType, Scope

__all__ = [
    "CPU_CORES",
    "CPU_SECONDS",
    "DISK_IO_SECONDS",
    "DISK_READ_BYTES",
    "DISK_WRITTEN_BYTES",
    "FILESYSTEM_AVAIL_BYTES",
    "FILESYSTEM_FILES",
    "FILESYSTEM_FILES_FREE",
    "FILESYSTEM_READABLE",
    "FILESYSTEM_SIZE_BYTES",
    "LAST_READ_TIMESTAMP",
    "LEFT_OUT",
    "LOAD",
    "MEMORY_AVAILABLE_BYTES",
    "MEMORY_LIMIT_BYTES",
    "MEMORY_LIMIT_USED_BYTES",
    "MEMORY_TOTAL_BYTES",
    "MEMORY_USED_BYTES",
    "METRICS",
    "NETWORK_RECEIVE_BYTES",
    "NETWORK_RECEIVE_ERRORS",
    "NETWORK_TRANSMIT_BYTES",
    "NETWORK_TRANSMIT_ERRORS",
    "PROCESS_CPU_SECONDS",
    "PROCESS_INSTANCES",
    "PROCESS_OPEN_FDS",
    "PROCESS_RESIDENT_BYTES",
    "PROCESS_START_TIME",
    "READ_FAILURES",
    "SWAP_TOTAL_BYTES",
    "SWAP_USED_BYTES",
]

_ENABLED = "While host figures are enabled, where the host gives them."
_PER_MOUNT = "For each declared mount, or each disk's, while it can be read; at most 50."
_PER_DISK = "For each whole disk, at most 50; loop and RAM disks are left out."
_PER_INTERFACE = "For each network interface, at most 50; loopback and veth interfaces are left out."
_PER_PROCESS = "For each declared process while at least one instance runs and may be looked at."


def _gauge(name: str, text: str, *labels: str, meaning: str = _ENABLED) -> MetricDef:
    return MetricDef(f"rollwatch_{name}", MetricType.GAUGE, text, Scope.SERVICE, labels, meaning=meaning)


def _counter(name: str, text: str, *labels: str, meaning: str = _ENABLED) -> MetricDef:
    return MetricDef(f"rollwatch_{name}", MetricType.COUNTER, text, Scope.SERVICE, labels, meaning=meaning)


CPU_SECONDS = _counter(
    "host_cpu_seconds_total", "CPU time of all cores in seconds since boot, by mode.", "mode"
)
CPU_CORES = _gauge("host_cpu_cores", "Logical CPUs the host has.")
LOAD = (
    _gauge("host_load1", "Load average over 1 minute."),
    _gauge("host_load5", "Load average over 5 minutes."),
    _gauge("host_load15", "Load average over 15 minutes."),
)

MEMORY_TOTAL_BYTES = _gauge("host_memory_total_bytes", "Memory the host has.")
MEMORY_AVAILABLE_BYTES = _gauge(
    "host_memory_available_bytes", "Memory that can be given to programs without swapping."
)
MEMORY_USED_BYTES = _gauge("host_memory_used_bytes", "Memory in use, without caches and buffers.")
MEMORY_LIMIT_BYTES = _gauge(
    "host_memory_limit_bytes",
    "Where memory ends: the limit of the container this runs in, else what the host has.",
)
MEMORY_LIMIT_USED_BYTES = _gauge(
    "host_memory_limit_used_bytes",
    "Memory that counts against the limit and can't be reclaimed: the container's working set, "
    "else the host's total less what is available.",
)
SWAP_TOTAL_BYTES = _gauge("host_swap_total_bytes", "Swap space the host has.")
SWAP_USED_BYTES = _gauge("host_swap_used_bytes", "Swap space in use.")

FILESYSTEM_SIZE_BYTES = _gauge(
    "host_filesystem_size_bytes", "Size of the file system.", "mount", meaning=_PER_MOUNT
)
FILESYSTEM_AVAIL_BYTES = _gauge(
    "host_filesystem_avail_bytes",
    "Bytes a user without privileges can still write.",
    "mount",
    meaning=_PER_MOUNT,
)
FILESYSTEM_FILES = _gauge(
    "host_filesystem_files",
    "Files the file system can hold (inodes); absent where it has no fixed number.",
    "mount",
    meaning=_PER_MOUNT,
)
FILESYSTEM_FILES_FREE = _gauge(
    "host_filesystem_files_free", "Files that can still be created (inodes).", "mount", meaning=_PER_MOUNT
)
FILESYSTEM_READABLE = _gauge(
    "host_filesystem_readable",
    "1 if the file system answered the last reading; 0 if it failed or hangs "
    "(a network mount whose server is gone).",
    "mount",
    meaning="For each declared mount, or each disk's; at most 50.",
)

DISK_READ_BYTES = _counter(
    "host_disk_read_bytes_total", "Bytes read from the disk.", "device", meaning=_PER_DISK
)
DISK_WRITTEN_BYTES = _counter(
    "host_disk_written_bytes_total", "Bytes written to the disk.", "device", meaning=_PER_DISK
)
DISK_IO_SECONDS = _counter(
    "host_disk_io_seconds_total", "Seconds the disk was busy.", "device", meaning=_PER_DISK
)

NETWORK_RECEIVE_BYTES = _counter(
    "host_network_receive_bytes_total", "Bytes received.", "interface", meaning=_PER_INTERFACE
)
NETWORK_TRANSMIT_BYTES = _counter(
    "host_network_transmit_bytes_total", "Bytes sent.", "interface", meaning=_PER_INTERFACE
)
NETWORK_RECEIVE_ERRORS = _counter(
    "host_network_receive_errors_total", "Errors while receiving.", "interface", meaning=_PER_INTERFACE
)
NETWORK_TRANSMIT_ERRORS = _counter(
    "host_network_transmit_errors_total", "Errors while sending.", "interface", meaning=_PER_INTERFACE
)

PROCESS_INSTANCES = _gauge(
    "process_instances",
    "How many processes fit the declaration; 0 if none runs.",
    "process",
    meaning="For each declared process, 0 included.",
)
PROCESS_CPU_SECONDS = _counter(
    "process_cpu_seconds_total",
    "CPU time used in seconds, user and system, of all instances; keeps growing when one is replaced.",
    "process",
    meaning="For each declared process, from 0.",
)
PROCESS_RESIDENT_BYTES = _gauge(
    "process_resident_memory_bytes", "Resident memory of all instances.", "process", meaning=_PER_PROCESS
)
PROCESS_OPEN_FDS = _gauge(
    "process_open_fds",
    "Open file descriptors of all instances.",
    "process",
    meaning=f"{_PER_PROCESS} Needs the same user, or privileges.",
)
PROCESS_START_TIME = _gauge(
    "process_start_time_seconds",
    "When the youngest instance started, in seconds since 1970: it moves when one is restarted.",
    "process",
    meaning=_PER_PROCESS,
)

READ_FAILURES = _counter(
    "host_read_failures_total",
    "Readings that failed or did not end in time, by part; the log says why.",
    "part",
    meaning="For each part, from 0.",
)
LEFT_OUT = _gauge(
    "host_left_out",
    "Mounts, disks or network interfaces beyond the 50 that are published.",
    "what",
    meaning="While host figures are enabled.",
)
LAST_READ_TIMESTAMP = _gauge(
    "host_last_read_timestamp_seconds",
    "When the host last gave figures, in seconds since 1970: it stands still while reading hangs.",
)

METRICS: tuple[MetricDef, ...] = tuple(
    metric
    for value in list(globals().values())
    for metric in (value if isinstance(value, tuple) else (value,))
    if isinstance(metric, MetricDef)
)
