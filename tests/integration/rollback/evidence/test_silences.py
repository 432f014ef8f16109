"""Whether an alert is silenced: by the rules of Alertmanager, of which a real one is asked."""

import datetime as dt
import json
import shutil

import pytest

from rollwatch.rollback.evidence.peer import Peer, new_session
from rollwatch.rollback.evidence.silences import Silences
from rollwatch.rollback.policy.facts import Unanswered
from support.processes import fetch, free_port, running, wait_for
from support.rollback_prometheus import an_alert, peer
from support.servers import answering, response, serve

ALERT = an_alert("RollbackHealthDown", "api", probe="health")


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    home = tmp_path_factory.mktemp("alertmanager")
    program = shutil.which("prometheus-alertmanager")
    assert program, "run `make test`, which installs what the tests need"
    url = f"http://127.0.0.1:{free_port()}"
    (home / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    argv = [
        program,
        f"--config.file={home}/am.yml",
        f"--storage.path={home}/data",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with running(argv, cwd=home):
        wait_for(lambda: _answers(url), "Alertmanager to be ready")
        labels = dict(ALERT.labels)
        post(url, "alerts", [{"labels": labels}])
        wait_for(lambda: get(url, "alerts"), "the alert")
        yield url


def _answers(url):
    try:
        return fetch(f"{url}/-/ready")[0] == 200
    except OSError:
        return False


def get(url, what):
    return json.loads(fetch(f"{url}/api/v2/{what}")[2])


def post(url, what, body):
    headers = {"Content-Type": "application/json"}
    status, _, answer = fetch(
        f"{url}/api/v2/{what}", method="POST", headers=headers, data=json.dumps(body).encode()
    )
    assert status == 200, answer
    return answer


def matcher(name, value, *, regex=False, equal=True):
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}


def silence(*matchers, starts_in_s=0):
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=starts_in_s)
    return {
        "matchers": list(matchers),
        "startsAt": now.isoformat(),
        "endsAt": (now + dt.timedelta(hours=1)).isoformat(),
        "createdBy": "somebody",
        "comment": "work",
    }


async def asked(url):
    session = new_session("test")
    try:
        return await Silences(Peer("Alertmanager", peer(url), session)).silenced(ALERT)
    finally:
        await session.close()


@pytest.mark.parametrize(
    ("wanted", "is_silenced"),
    [
        (silence(matcher("service", "api")), True),
        (silence(matcher("service", "ap")), False),
        (silence(matcher("service", "ap", regex=True)), False),
        (silence(matcher("service", "ap.|web", regex=True)), True),
        (silence(matcher("alertname", "Rollback.*", regex=True), matcher("rollback", "auto")), True),
        (silence(matcher("service", "api"), matcher("probe", "feed")), False),
        (silence(matcher("service", "api"), matcher("probe", "feed", equal=False)), True),
        (silence(matcher("service", "api"), matcher("probe", "h.*", regex=True, equal=False)), False),
        (silence(matcher("service", "api"), matcher("component", "")), True),
        (silence(matcher("service", "api"), matcher("component", "database")), False),
        (silence(matcher("service", "api"), starts_in_s=600), False),
    ],
)
async def test_a_silence_counts_as_alertmanager_itself_counts_it(alertmanager, wanted, is_silenced):
    made = json.loads(post(alertmanager, "silences", wanted))["silenceID"]
    try:
        [alert] = get(alertmanager, "alerts")
        assert bool(alert["status"]["silencedBy"]) is is_silenced
        assert await asked(alertmanager) is is_silenced
    finally:
        assert fetch(f"{alertmanager}/api/v2/silence/{made}", method="DELETE")[0] == 200
    # Expired ones stay in the list, and don't count.
    assert await asked(alertmanager) is False


OTHERS = {"status": {"state": "active"}, "matchers": [matcher("service", "web")]}
OURS = {"status": {"state": "active"}, "matchers": [{"name": "service", "value": "api", "isRegex": False}]}
STRANGE = [
    {"status": {"state": "active"}, "matchers": [matcher("service", "(", regex=True)]},
    {"status": {"state": "active"}, "matchers": [matcher("service", 1)]},
    {"status": {"state": "active"}, "matchers": []},
    {"status": {"state": "active"}},
    {"status": None},
]


@pytest.mark.parametrize("strange", STRANGE)
async def test_a_silence_that_is_not_understood_may_be_the_one(strange):
    async with serve(answering(response(json.dumps([strange, OTHERS]).encode()))) as server:
        assert await asked(server.url("")) == Unanswered(
            "Alertmanager has an active silence that is not understood"
        )
    async with serve(answering(response(json.dumps([strange, OURS]).encode()))) as server:
        assert await asked(server.url("")) is True
