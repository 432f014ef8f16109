"""What counts as a new release."""

import pytest

from rollwatch.engine.releases import ReleaseWatch


@pytest.mark.parametrize(
    ("reports", "version", "changed_at"),
    [
        ([("a", "1", 0)], "1", None),
        ([("a", "1", 0), ("a", "2", 10)], "1", None),
        ([("a", "1", 0), ("a", "2", 10), ("a", "2", 20)], "2", 10),
        ([("a", "1", 0), ("a", "2", 10), ("a", "1", 20), ("a", "2", 30)], "1", None),
        ([("a", "1", 0), ("a", "2", 10), ("a", "3", 20), ("a", "3", 30)], "3", 20),
        ([("a", "1", 0), ("b", "2", 10), ("b", "2", 20)], "1", None),
        ([("a", "1", 0), ("a", None, 5), ("b", "2", 10), ("b", "2", 20)], "2", None),
        ([("a", "1", 0), ("a", None, 5), ("b", "1", 10), ("b", "2", 20), ("b", "2", 30)], "2", 20),
        ([("a", "1", 0), ("a", None, 5), ("a", "1", 10), ("a", "2", 20), ("a", "2", 30)], "2", 20),
        ([("a", "1", 0), ("b", None, 5), ("a", "2", 10), ("a", "2", 20)], "2", 10),
    ],
    ids=[
        "the first version is no change",
        "seen once is not enough",
        "twice in a row, dated by the first sight",
        "a rolling deployment does not flap",
        "overtaken before it was confirmed",
        "only one probe speaks for the service",
        "another speaks when the first stops, and that is no change",
        "from then on it is listened to",
        "the first may come back",
        "a probe that never spoke may be gone",
    ],
)
def test_a_new_version_counts_once_confirmed(reports, version, changed_at):
    watch = ReleaseWatch()
    for probe, seen, at in reports:
        if seen is None:
            watch.forget(probe)
        else:
            watch.report(probe, seen, at)
    assert (watch.version, watch.changed_at) == (version, changed_at)
