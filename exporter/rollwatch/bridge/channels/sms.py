"""SMS through Twilio's Messages API (https://www.twilio.com/docs/messaging/api/message-resource).

Twilio takes a message with 201 and a SID, and sends it when the network lets it; what a carrier does with it
later is in Twilio's own log. It has no key that would make a request that is sent twice count once.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from rollwatch.bridge.channels.channel import Pace
from rollwatch.bridge.channels.sms_text import sms_text
from rollwatch.bridge.failures import SendFailed
from rollwatch.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rollwatch.bridge.http_client import HttpClient
    from rollwatch.bridge.storage.records import Delivery
    from rollwatch.config.bridge import TwilioSpec

__all__ = ["SMS_PACE", "SmsChannel"]

SMS_PACE = Pace(
    # A person can't read faster; whatever comes meanwhile is merged into the next message.
    burst=5,
    every_s=30.0,
    # News of an outage that is two hours old helps nobody, and costs the trust in the next message.
    give_up_s=2 * 3600.0,
    longest_wait_s=60.0,
    at_once=500,
    gather_s=3.0,
)
_NUMBER = re.compile(r"\+?[0-9][0-9 ()-]{5,}[0-9]")


class SmsChannel:
    """Messages to one number."""

    def __init__(self, spec: TwilioSpec, number: str, http: HttpClient, pace: Pace) -> None:
        self._spec = spec
        self._number = number
        self._http = http
        self._pace = pace

    @property
    def pace(self) -> Pace:
        return self._pace

    async def send(self, batch: Sequence[Delivery]) -> None:
        """One message for all of `batch`. Raises SendFailed, SecretUnavailable."""
        account = self._spec.account_sid.render()
        login = b64encode(f"{account}:{self._spec.auth_token.render()}".encode()).decode()
        form = {"To": self._number, "Body": sms_text([delivery.alert for delivery in batch])}
        if self._spec.messaging_service is not None:
            form["MessagingServiceSid"] = self._spec.messaging_service
        else:
            form["From"] = self._spec.from_ or ""
        base = self._spec.url.render().rstrip("/")
        try:
            answer = await self._http.call(
                "POST",
                f"{base}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json",
                headers={
                    "Authorization": f"Basic {login}",
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Accept": "application/json",
                },
                body=urlencode(form).encode(),
                explain=("code", "message"),
            )
        except SendFailed as failure:
            raise SendFailed(
                _discreet(failure.why), permanent=failure.permanent, retry_after_s=failure.retry_after_s
            ) from None
        said = answer.json_object() or {}
        if not isinstance(said.get("sid"), str):
            # A proxy or a portal between here and Twilio: nobody has taken the message.
            raise SendFailed(f"it answered {answer.status} without the SID of a message")
        if said.get("error_code") is not None:
            why = (
                f"Twilio took the message and failed: {said['error_code']} {said.get('error_message') or ''}"
            )
            raise SendFailed(_discreet(why), permanent=True)


def _discreet(why: str) -> str:
    """Twilio quotes numbers in what it says; they are nobody's business in a log."""
    return clean(_NUMBER.sub("(a number)", why), 250)
