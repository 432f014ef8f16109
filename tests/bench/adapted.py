"""The benches that stand on their own, as tables of the one report."""

from __future__ import annotations

from bench import bench_exposition, bench_websocket
from bench.harness import Table, Target

__all__ = ["exposition", "websocket"]


def exposition() -> Table:
    """One scrape of 80,000 series."""
    rows = bench_exposition.run()
    table = Table(
        "One scrape of 80,000 series",
        "The same content in our store and in prometheus_client's registry, changed before every scrape; "
        "the smallest CPU time and the longest stall of the loop over several scrapes, in "
        "one process on uvloop. "
        "All give the same parsed samples.",
        ("scrape", "CPU ms", "of generate_latest", "longest stall ms", "bytes"),
    )
    for what, cpu_s, ratio, stall_s, size in rows:
        shown = "" if ratio is None else f"{ratio:.2f}"
        table.rows.append((what, f"{cpu_s * 1e3:.1f}", shown, f"{stall_s * 1e3:.2f}", str(size or "")))
    ours = [row for row in rows if row.what.startswith("render")]
    ratio = max(row.ratio or 0.0 for row in ours)
    stall_s = max(row.longest_stall_s for row in ours)
    table.targets = [
        Target(
            "at most a third of generate_latest's CPU",
            f"at most {ratio:.2f}",
            ratio <= bench_exposition.MAX_RATIO,
        ),
        Target(
            f"no stall over {bench_exposition.MAX_STALL_S * 1e3:.0f} ms",
            f"{stall_s * 1e3:.2f} ms",
            stall_s <= bench_exposition.MAX_STALL_S,
        ),
    ]
    return table


def websocket() -> Table:
    """1,000 watched sessions."""
    rows = bench_websocket.run()
    words = {None: "", True: "exact", False: "NOT EXACT"}
    table = Table(
        f"{bench_websocket.SESSIONS:,} WebSocket sessions in one process".replace(",", " "),
        f"{bench_websocket.SESSIONS} sessions get {bench_websocket.MESSAGES} messages each from a server in "
        "another process, some fragmented; CPU of the client from the first message to the last, each client "
        "in a process of its own.",
        ("client", "us/message", "of the floor", "MiB gained", "messages", "counts"),
    )
    for row in rows:
        table.rows.append(
            (
                row.what,
                f"{row.cpu_per_message_s * 1e6:.1f}",
                f"{row.ratio_to_floor:.1f}",
                f"{row.memory_bytes / 2**20:.0f}",
                str(row.messages),
                words[row.is_exact],
            )
        )
    ours = [row for row in rows if row.what.startswith("rollwatch")]
    is_exact = all(row.is_exact for row in ours)
    table.targets = [
        Target("counts equal what the server sent", "equal" if is_exact else "different", is_exact)
    ]
    return table
