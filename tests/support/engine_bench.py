"""An engine on virtual time, with probes that do what the test says, and short words for looking at it."""

import asyncio
from contextlib import asynccontextmanager

from rollwatch.config.config import Config, ProbeDef, Service
from rollwatch.config.document import HostSpec, Links
from rollwatch.engine.delivery import nothing_delivered
from rollwatch.engine.engine import Engine
from rollwatch.errors import ProbeFailure
from rollwatch.metrics.bounded import BoundedNames
from rollwatch.metrics.store import Store
from rollwatch.probers.contract import ProbeEnv
from support.fake_probes import FakeSpec, fake_kinds, hang, up
from support.virtual import run_virtual, virtual_clock


def probe(name="health", service="api", kind="fake", **spec):
    """One configured probe; interval and timeout in seconds."""
    for duration in {"interval", "timeout"} & spec.keys():
        spec[duration] = f"{spec[duration]}s"
    return ProbeDef(f"{service}/{name}", service, name, kind, FakeSpec(kind=kind, **spec))


def config(*probes, environment="test", location="here", reference=None, owner="backend", **service):
    services = {p.service: Service(p.service, owner, **{"links": Links(), **service}) for p in probes}
    return Config(environment, location, services, probes, HostSpec(), reference)


class Bench:
    """An engine on virtual time, and short words for looking at it."""

    def __init__(self, behaviours, deliver=nothing_delivered):
        self.clock = virtual_clock()
        self.store = Store()
        self.behaviours = {"nothing": up, "hang": hang, **behaviours}
        env = ProbeEnv(clock=self.clock, rng=lambda: 0.5, user_agent="test")
        self.engine = Engine(
            fake_kinds(self.behaviours), self.store, BoundedNames(), env, location="here", deliver=deliver
        )

    def values(self, name):
        """The values of a metric by label values, without those every probe has."""
        common = {"environment", "location", "kind"}
        found = {}
        for family in self.store.collect():
            for sample in family.samples:
                if sample.name == name:
                    key = tuple(v for k, v in sample.labels.items() if k not in common)
                    found[key] = sample.value
        return found

    def value(self, name, *key):
        return self.values(name).get(key)

    def probe(self, probe_id="api/health"):
        return next(p for s in self.engine.view().services for p in s.probes if p.id == probe_id)


@asynccontextmanager
async def bench(*configs, behaviours=None, deliver=nothing_delivered):
    it = Bench(behaviours or {}, deliver)
    async with it.engine.running():
        for each in configs:
            await it.engine.apply(each)
        yield it


def on_virtual_time(test):
    def wrapper():
        run_virtual(test())

    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


def failing(reason, detail="because", retry_after_s=None, version=None):
    async def behave(run):
        run.retry_after_s = retry_after_s
        run.version = version
        raise ProbeFailure(reason, detail)

    return behave


def counting(starts, then=up):
    async def behave(run):
        starts.append(asyncio.get_running_loop().time())
        await then(run)

    return behave
