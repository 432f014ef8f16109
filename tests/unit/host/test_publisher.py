"""Readings become series: counters never fall, what is gone goes, what can't be read is hidden."""

from __future__ import annotations

from typing import Any

import pytest

from rollwatch.host import metrics as m
from rollwatch.host.publisher import Publisher
from rollwatch.host.reading import Figure, Part
from rollwatch.metrics.catalogue import catalogue
from rollwatch.metrics.store import Store

BASE = ("host", "production", "fra1")


def shown(store: Store) -> dict[tuple[str, ...], Any]:
    return {
        (family.metric.name, *key[len(BASE) :]): child.value
        for family in store.families()
        for key, child in family.children.items()
    }


def test_host_metrics_fit_the_catalogue_and_share_no_name() -> None:
    assert set(m.METRICS) <= set(catalogue([], m.METRICS))
    assert len({metric.name for metric in m.METRICS}) == len(m.METRICS) == len(m.__all__) - 1 + 2


@pytest.mark.parametrize(
    ("totals", "counter"),
    [
        pytest.param([100, 150, 150], 150, id="grows by what was gained"),
        pytest.param([100, 150, 20, 30], 180, id="begins again after a reset"),
        pytest.param([0, 0], 0, id="stays at 0"),
    ],
)
def test_a_counter_gains_what_the_total_gained(totals: list[float], counter: float) -> None:
    store = Store()
    publisher = Publisher(store, BASE)
    for total in totals:
        publisher.publish(Part.DISK, [Figure(m.DISK_READ_BYTES, ("sda",), total)])
    assert shown(store) == {(m.DISK_READ_BYTES.name, "sda"): counter}


def test_a_cpu_time_that_falls_back_a_little_is_waited_out() -> None:
    store = Store()
    publisher = Publisher(store, BASE)
    for total in (500.0, 499.2, 499.9, 500.5):
        publisher.publish(Part.CPU, [Figure(m.CPU_SECONDS, ("iowait",), total)])
    assert shown(store) == {(m.CPU_SECONDS.name, "iowait"): 500.5}


def test_series_of_what_is_gone_are_removed_and_other_parts_stay() -> None:
    store = Store()
    publisher = Publisher(store, BASE)
    eth0, eth1 = (Figure(m.NETWORK_RECEIVE_BYTES, (name,), 7) for name in ("eth0", "eth1"))
    publisher.publish(Part.CPU, [Figure(m.CPU_CORES, (), 2)])
    publisher.publish(Part.NETWORK, [eth0, eth1])
    publisher.publish(Part.NETWORK, [eth1])
    assert shown(store) == {(m.CPU_CORES.name,): 2, (m.NETWORK_RECEIVE_BYTES.name, "eth1"): 7}
    publisher.publish(Part.NETWORK, [eth0, eth1])
    assert shown(store)[(m.NETWORK_RECEIVE_BYTES.name, "eth0")] == 7


def test_a_part_that_cannot_be_read_hides_its_gauges_and_keeps_its_counters() -> None:
    store = Store()
    publisher = Publisher(store, BASE)
    figures = [Figure(m.PROCESS_INSTANCES, ("api",), 1), Figure(m.PROCESS_CPU_SECONDS, ("api",), 3)]
    publisher.publish(Part.PROCESS, figures)
    publisher.hide(Part.PROCESS)
    assert shown(store) == {(m.PROCESS_INSTANCES.name, "api"): None, (m.PROCESS_CPU_SECONDS.name, "api"): 3}
    publisher.publish(Part.PROCESS, figures)
    assert shown(store)[(m.PROCESS_INSTANCES.name, "api")] == 1


def test_nothing_is_left_after_close() -> None:
    store = Store()
    publisher = Publisher(store, BASE)
    publisher.publish(None, [Figure(m.CPU_CORES, (), 2)])
    publisher.close()
    assert shown(store) == {}
