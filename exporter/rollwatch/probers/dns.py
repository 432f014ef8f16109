"""Asks a DNS server one question and judges the answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import dns.exception
import dns.name
import dns.rcode
import dns.rdatatype
from pydantic import AfterValidator, BeforeValidator, Field

from rollwatch.config.fields import HostPort, Pattern, did_you_mean, mistake
from rollwatch.config.probe_spec import ProbeSpec
from rollwatch.config.spec import Spec
from rollwatch.errors import ProbeFailure
from rollwatch.metrics.catalogue import PROBE_DNS_LOOKUP_TIME_SECONDS, PROBE_IP_PROTOCOL
from rollwatch.metrics.definition import MetricDef, MetricType
from rollwatch.model import Phase, Reason
from rollwatch.probers._dns_exchange import ask_tcp, ask_udp
from rollwatch.probers._dns_message import Answer, Query
from rollwatch.probers._http_spec import Ip
from rollwatch.probers._resolve import Address, IpVersion, literal
from rollwatch.probers.contract import ProberKind
from rollwatch.text import listed, sentence

if TYPE_CHECKING:
    from rollwatch.probers.contract import ProbeEnv
    from rollwatch.probers.run import Run

__all__ = ["KIND", "DnsExpect", "DnsProber", "DnsSpec"]

_RESOLVE_SHARE = 0.5
_RESOLV_CONF = Path("/etc/resolv.conf")
_RESOLV_CONF_LIMIT = 16_384
_SYSTEM_SERVERS = 3
"""As many as the C library asks."""

_COMMON_TYPES = ("a", "aaaa", "caa", "cname", "mx", "ns", "ptr", "soa", "srv", "txt")
_COMMON_RCODES = ("noerror", "nxdomain", "servfail", "refused")

_ANSWERED = "Present when the last run got an answer."


def _gauge(name: str, help_: str, meaning: str = _ANSWERED) -> MetricDef:
    return MetricDef(name, MetricType.GAUGE, help_, meaning=meaning)


PHASES = MetricDef(
    "probe_dns_duration_seconds",
    MetricType.GAUGE,
    "Time the last run spent in each phase: resolving the server's own name, connecting, the query itself.",
    labels=("phase",),
    meaning="Per phase, when the last run went through it.",
)
ANSWER_RRS = _gauge("probe_dns_answer_rrs", "Records in the answer section of the last answer.")
AUTHORITY_RRS = _gauge("probe_dns_authority_rrs", "Records in the authority section of the last answer.")
ADDITIONAL_RRS = _gauge("probe_dns_additional_rrs", "Records in the additional section of the last answer.")
QUERY_SUCCEEDED = _gauge(
    "probe_dns_query_succeeded",
    "1 if the last run got an answer, whatever it said, else 0.",
    "After each run.",
)
SERIAL = _gauge(
    "probe_dns_serial",
    "Serial number of the zone, by the last answer.",
    "Present when the last run asked for SOA and got it.",
)


def _name(text: str) -> str:
    try:
        name = dns.name.from_text(text)
        name.to_wire()
    except (dns.exception.DNSException, UnicodeError):
        raise mistake("is no DNS name", "Write it like www.example.com.") from None
    return name.to_text()


def _rdtype(text: str) -> str:
    try:
        rdtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError):
        raise mistake("is no type of DNS record", did_you_mean(text, _COMMON_TYPES)) from None
    if dns.rdatatype.is_metatype(rdtype) and rdtype != dns.rdatatype.ANY:
        raise mistake("is no type that can be asked for", "Write A, AAAA, CNAME, MX, NS, SOA, SRV or TXT.")
    return dns.rdatatype.to_text(rdtype)


def _rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError):
        raise mistake("is no DNS response code", did_you_mean(text, _COMMON_RCODES)) from None


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


class DnsExpect(Spec):
    """What the answer must be."""

    rcode: Annotated[
        tuple[Annotated[str, AfterValidator(_rcode)], ...], BeforeValidator(_as_list), Field(min_length=1)
    ] = ("NOERROR",)
    """Response codes that are right: `NOERROR`, `NXDOMAIN`."""
    answers: Annotated[tuple[Pattern, ...], BeforeValidator(_as_list)] = ()
    """Regular expressions (RE2); each must be found in the data of some record of the answer section."""
    contains: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    """Data that must be among the answer section's records, exactly: `192.0.2.1`, `10 mail.example.com.`."""
    min_answers: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Least number of records of the type asked for; by default 1 if the response code is NOERROR."""


class DnsSpec(ProbeSpec):
    """One question to a DNS server."""

    kind: Literal["dns"]
    """Ask a DNS server."""
    query: Annotated[str, Field(max_length=1024), AfterValidator(_name)]
    """The name to ask for; always taken as complete, with or without a dot at its end."""
    type: Annotated[str, AfterValidator(_rdtype)] = "A"
    """The type of record to ask for."""
    server: Annotated[tuple[HostPort, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=8)] = ()
    """Whom to ask, host:port; of several, the next where one gives no answer. Default: this host's."""
    transport: Literal["udp", "tcp"] = "udp"
    """How to ask. A truncated answer over UDP is asked for again over TCP."""
    recursion: bool = True
    """Whether the server may ask others; `false` for authoritative servers."""
    ip: Ip = IpVersion.ANY
    """Which addresses of the server to use; `any` prefers IPv4."""
    expect: DnsExpect = DnsExpect()
    """What the answer must be."""


class DnsProber:
    """One question, asked anew in each run."""

    def __init__(self, spec: DnsSpec, env: ProbeEnv, *, resolv_conf: Path = _RESOLV_CONF) -> None:
        self._spec = spec
        self._env = env
        self._resolv_conf = resolv_conf

    async def probe(self, run: Run) -> None:
        """UP if a server answers as expected. Raises ProbeFailure otherwise."""
        run.sample(QUERY_SUCCEEDED, 0)
        spec = self._spec
        query_id = int(self._env.rng() * 65536)
        query = Query(spec.query, spec.type, query_id=query_id, recursion=spec.recursion)
        answer = await self._ask_in_turn(run, query)
        run.leave()
        self._sample(run, answer)
        problem = _problem(spec, answer)
        if problem is not None:
            raise ProbeFailure(Reason.ANSWER_MISMATCH, sentence(problem))

    async def _ask_in_turn(self, run: Run, query: Query) -> Answer:
        servers = self._spec.server or await asyncio.to_thread(_system_servers, self._resolv_conf)
        deadline = self._env.clock.monotonic() + self._spec.timeout
        for left in range(len(servers), 1, -1):
            server = servers[-left]
            share_s = max(0.0, deadline - self._env.clock.monotonic()) / left
            try:
                async with asyncio.timeout(share_s):
                    return await self._ask(run, query, server)
            except TimeoutError:
                run.note("no answer", f"{server} within {share_s:.3g} s; asking the next")
            except ProbeFailure as failure:
                run.note("no answer", f"{server}: {failure.detail}; asking the next")
        # The last one has until the run's own deadline.
        return await self._ask(run, query, servers[-1])

    async def _ask(self, run: Run, query: Query, server: HostPort) -> Answer:
        spec = self._spec
        run.note("server", f"{server} by {spec.transport}")
        if spec.transport == "udp":
            address = await self._address(run, server.host)
            run.sample(PROBE_IP_PROTOCOL, address.version)
            answer = await ask_udp(run, query, address, server.port)
            if answer is not None:
                return answer
            run.note("truncated", "the answer does not fit a datagram; asking again by tcp")
            server = HostPort(address.host, server.port)
        return await ask_tcp(run, query, server, env=self._env, ip=spec.ip, timeout_s=spec.timeout)

    async def _address(self, run: Run, host: str) -> Address:
        ip = self._spec.ip
        known = literal(host)
        if known is not None:
            if ip is not IpVersion.ANY and str(known.version) != ip:
                detail = f"{host} is no IPv{ip} address, and only those are allowed"
                raise ProbeFailure(Reason.UNREACHABLE, detail)
            return known
        run.enter(Phase.RESOLVE)
        try:
            found = await self._env.network.resolver.resolve(host, ip, self._spec.timeout * _RESOLVE_SHARE)
        finally:
            run.leave()
            run.sample(PROBE_DNS_LOOKUP_TIME_SECONDS, run.phases[Phase.RESOLVE])
        return found[0]

    def _sample(self, run: Run, answer: Answer) -> None:
        run.sample(QUERY_SUCCEEDED, 1)
        run.sample(ANSWER_RRS, answer.answers)
        run.sample(AUTHORITY_RRS, answer.authorities)
        run.sample(ADDITIONAL_RRS, answer.additionals)
        if self._spec.type == "SOA" and answer.serial is not None:
            run.sample(SERIAL, answer.serial)
        if run.notes is not None:
            run.note("rcode", answer.rcode)
            run.note("answer", listed(list(answer.data), 10) or "no records")


def _problem(spec: DnsSpec, answer: Answer) -> str | None:
    expect = spec.expect
    if answer.rcode not in expect.rcode:
        return f"the server answered {answer.rcode}, expected is {' or '.join(expect.rcode)}"
    least = expect.min_answers
    if least is None:
        least = 1 if answer.rcode == "NOERROR" else 0
    if answer.of_type < least:
        return f"the answer has {answer.of_type} {spec.type} records, expected are at least {least}"
    found = f"among {listed(list(answer.data))}" if answer.data else "as there are no records"
    for text in expect.contains:
        if text not in answer.data:
            return f"{text} is not in the answer, {found}"
    for pattern in expect.answers:
        if not any(pattern.search(data) for data in answer.data):
            return f"no record matches {pattern.source}, {found}"
    return None


def _system_servers(resolv_conf: Path) -> tuple[HostPort, ...]:
    """The resolvers of this host, read anew because DHCP and VPNs change them. Blocks."""
    servers = []
    try:
        with resolv_conf.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_RESOLV_CONF_LIMIT).splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            host = words[1].partition("%")[0]
            if literal(host) is not None:
                servers.append(HostPort(host, 53))
    return tuple(servers[:_SYSTEM_SERVERS]) or (HostPort("127.0.0.1", 53),)


def _target(spec: DnsSpec) -> str:
    whom = ", ".join(map(str, spec.server)) or "this host's resolvers"
    return f"{spec.query} {spec.type} at {whom}"


KIND = ProberKind(
    name="dns",
    spec=DnsSpec,
    build=DnsProber,
    reasons=frozenset(
        {
            Reason.NAME_NOT_FOUND,
            Reason.RESOLVER_FAILED,
            Reason.CONNECT_REFUSED,
            Reason.UNREACHABLE,
            Reason.CONNECTION_RESET,
            Reason.CONNECTION_CLOSED,
            Reason.PROTOCOL_ERROR,
            Reason.ANSWER_MISMATCH,
        }
    ),
    target=_target,
    metrics=(ANSWER_RRS, AUTHORITY_RRS, ADDITIONAL_RRS, QUERY_SUCCEEDED, SERIAL),
    phase_metric=PHASES,
)
