"""Records of one kind as they arrive: completed, judged, counted, turned into figures, the last ones kept."""

from __future__ import annotations

import math
from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from rollwatch.figures.examining import Examiner
from rollwatch.figures.faults import FigureFault
from rollwatch.figures.numbers import as_number
from rollwatch.figures.reading import ReadingPlan
from rollwatch.metrics import figure_catalogue as m

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rollwatch.clock import Clock
    from rollwatch.config.figures import FigureDef
    from rollwatch.config.records import RecordsSpec
    from rollwatch.figures.examining import Tally
    from rollwatch.figures.items import Found
    from rollwatch.metrics.series import Child
    from rollwatch.metrics.store import Store

__all__ = ["Kept", "RecordStream"]

_REMEMBERED_IDS = 10_000
_LONGEST_ID = 200
_LARGEST_ID = 10**100
_MOST_FIELDS = 50
_LONGEST_TEXT = 200
_LARGEST_INTEGER = 2**53
"""That JSON readers can hold."""


class Kept(NamedTuple):
    """A valid record: its fields (numbers, short text), and when it came in Unix seconds."""

    received_at: float
    record: Mapping[str, Any]


class RecordStream:
    """One kind of records of one service."""

    def __init__(
        self,
        name: str,
        spec: RecordsSpec,
        definitions: Mapping[str, FigureDef],
        store: Store,
        *,
        clock: Clock,
        base: tuple[str, ...],
    ) -> None:
        self.name = name
        self.spec = spec
        self._feeds = _fed(spec, definitions)
        self._clock = clock
        self._store = store
        self._examiner = Examiner(spec.rules)
        self._per_record = ReadingPlan(spec.figures, definitions)
        self._over_kept = ReadingPlan(spec.totals, definitions)
        self._ids: dict[str | bytes, None] = {}
        self.kept: deque[Kept] = deque(maxlen=spec.keep)
        """The last valid records, the newest last."""
        self.last_at: float | None = None
        """When a record last came, in Unix seconds."""
        self._examined = store.counter(m.RECORDS_EXAMINED_TOTAL, (*base, name))
        self._valid = store.counter(m.RECORDS_VALID_TOTAL, (*base, name))
        self._duplicates = store.counter(m.RECORDS_DUPLICATES_TOTAL, (*base, name))
        self._ratio = store.gauge(m.RECORDS_LAST_VALID_RATIO, (*base, name))
        self._invalid = {
            check.name: store.counter(
                m.RECORDS_INVALID_TOTAL,
                (*base, f"{name}/{check.name}", "true" if check.is_critical else "false"),
            )
            for check in self._examiner.checks
        }

    def goes_on_with(self, spec: RecordsSpec, definitions: Mapping[str, FigureDef]) -> bool:
        """Whether nothing that concerns it has changed."""
        return spec == self.spec and _fed(spec, definitions) == self._feeds

    def succeed(self, predecessor: RecordStream) -> None:
        """Take over from the stream of the same name before a reload: what came does not count again."""
        if self.spec.id == predecessor.spec.id:
            self._ids = predecessor._ids
        self.kept.extend(predecessor.kept)
        self.last_at = predecessor.last_at

    @property
    def fed(self) -> Iterable[str]:
        """The figures it feeds."""
        return self._feeds

    @property
    def examined(self) -> int:
        """Records judged so far."""
        return int(self._examined.value)

    @property
    def valid(self) -> int:
        """Those that passed every rule."""
        return int(self._valid.value)

    @property
    def duplicates(self) -> int:
        """Those that had come before."""
        return int(self._duplicates.value)

    @property
    def invalid(self) -> Mapping[str, int]:
        """Failures by check."""
        return {name: int(child.value) for name, child in self._invalid.items()}

    def begin(self) -> Tally:
        """A delivery, to be handed to `take_one` for each of its records and to `finish`."""
        return self._examiner.begin()

    def take_one(self, raw: object, delivery: Tally, found: Found) -> None:
        """Judge and keep one record; what it is to the figures goes into `found`. Never raises."""
        if not isinstance(raw, dict):
            delivery.examined += 1
            found.refuse(self.name, FigureFault.NOT_AN_OBJECT, "holds a record that is no JSON object")
            return
        if self._is_duplicate(raw):
            self._duplicates.inc()
            return
        record = self._completed(raw)
        valid_before = delivery.valid
        self._examiner.examine(record, delivery)
        if delivery.valid > valid_before:
            self._per_record.read_into(record, found)
            self.kept.append(Kept(self._clock.wall(), _brief(record)))

    def finish(self, delivery: Tally, found: Found) -> None:
        """Count the delivery; what the kept records are to the figures together goes into `found`."""
        self._examined.inc(delivery.examined)
        self._valid.inc(delivery.valid)
        for name, count in delivery.invalid.items():
            self._invalid[name].inc(count)
        if delivery.valid_ratio is not None:
            self._ratio.set(delivery.valid_ratio)
            self.last_at = self._clock.wall()
        if delivery.valid:
            self._over_kept.read_into([kept.record for kept in self.kept], found)

    def _is_duplicate(self, record: object) -> bool:
        if self.spec.id is None:
            return False
        key = _id_text(self.spec.id.search(record))
        if key is None:
            return False
        is_known = key in self._ids
        self._ids.pop(key, None)
        self._ids[key] = None
        if len(self._ids) > _REMEMBERED_IDS:
            del self._ids[next(iter(self._ids))]
        return is_known

    def _completed(self, raw: dict[str, Any]) -> dict[str, Any]:
        """With defaults and calculated fields."""
        record = self.spec.defaults_for(raw)
        for name, expression in self.spec.compute.items():
            record[name] = expression.search(record)
        return record

    def close(self) -> None:
        """Remove every series."""
        children: list[Child] = [self._examined, self._valid, self._duplicates, self._ratio]
        for child in (*children, *self._invalid.values()):
            self._store.remove(child)


def _fed(spec: RecordsSpec, definitions: Mapping[str, FigureDef]) -> dict[str, object]:
    """What reading depends on, of each figure that is fed."""
    fed = (definitions[name] for name in (*spec.figures, *spec.totals))
    return {definition.name: (definition.type, definition.labels) for definition in fed}


def _id_text(found: object) -> str | bytes | None:
    """What tells records apart, bounded; None if it can't."""
    match found:
        case bool():
            return None
        case int():
            return str(found) if abs(found) < _LARGEST_ID else None
        case float():
            return f"{found:.17g}" if math.isfinite(found) else None
        case str() if len(found) > _LONGEST_ID:
            return blake2b(found.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        case str():
            return found
        case _:
            return None


def _brief(record: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a record: its flat fields, bounded; calculated ones stand last."""
    brief: dict[str, Any] = {}
    for name, value in list(record.items())[-_MOST_FIELDS:]:
        if isinstance(value, str):
            brief[name[:_LONGEST_TEXT]] = value[:_LONGEST_TEXT]
        elif value is None or isinstance(value, bool):
            brief[name[:_LONGEST_TEXT]] = value
        elif isinstance(value, int | float):
            number = as_number(value)
            if number is not None:
                brief[name[:_LONGEST_TEXT]] = number if abs(number) < _LARGEST_INTEGER else float(number)
    return brief
