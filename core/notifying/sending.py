"""Sends a message to a destination, whichever kind it is."""

from dataclasses import dataclass

from core.notifying import standard_webhooks, webhook
from core.notifying.email import send_email
from core.notifying.letter import Letter, letter, trial
from core.notifying.problems import NotSent
from core.settings import Settings
from core.store.alert_settings import EMAIL, Destination
from core.store.alerts import Envelope


@dataclass(frozen=True, slots=True)
class Sender:
    """Speaks for the deployment that ``settings`` describe."""

    settings: Settings

    def send(self, destination: Destination, envelope: Envelope, now_ms: int) -> None:
        """Deliver a message about alerts. NotSent where it is not taken."""
        self._send(destination, letter(envelope.told, self._origin, now_ms), envelope.message_id, now_ms)

    def try_out(self, destination: Destination, message_id: str, now_ms: int) -> None:
        """Deliver a test. NotSent where it is not taken."""
        self._send(destination, trial(self._origin, now_ms), message_id, now_ms)

    @property
    def _origin(self) -> str:
        return self.settings.console_url or self.settings.public_url or ""

    def _send(self, destination: Destination, text: Letter, message_id: str, now_ms: int) -> None:
        if destination.kind == EMAIL:
            if not self.settings.smtp_url or not self.settings.alerts_from:
                raise NotSent("CROSSWALK_SMTP_URL and CROSSWALK_ALERTS_FROM are needed for e-mail")
            send_email(
                self.settings.smtp_url,
                self.settings.alerts_from,
                destination.address,
                text.subject,
                text.text,
                message_id,
            )
            return
        body = text.body()
        signed = standard_webhooks.headers(destination.secret, message_id, now_ms // 1000, body)
        webhook.post(destination.address, signed, body, self.settings.alerts_networks)
