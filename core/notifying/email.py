"""E-mail by SMTP (RFC 5321): ``smtp://[user:password@]host[:587]`` or ``smtps://…[:465]``.

``smtp`` goes on over STARTTLS where the server offers it, and a password is never sent without TLS, but to
this machine itself. Certificates are verified in both cases; SSL_CERT_FILE adds an authority of one's own.
"""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from core.notifying.problems import NotSent

TIMEOUT_S = 10.0
_PORTS = {"smtp": 587, "smtps": 465}
_HERE = ("localhost", "127.0.0.1", "::1")


def send_email(
    smtp_url: str,
    sender: str,
    recipient: str,
    subject: str,
    text: str,
    message_id: str,
    *,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Hand one message to the server. NotSent where it does not take it.

    ``message_id`` is the same when a message is sent again, so that mail systems can drop the second one.
    """
    message = EmailMessage()
    message["From"], message["To"] = sender, recipient
    message["Subject"] = " ".join(subject.split())
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{message_id}@crosswalk.invalid>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(text)
    try:
        with _connected(smtp_url, timeout_s) as server:
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"the mail server refused it ({error.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotSent("the mail server refused the recipient") from None
    except ssl.SSLCertVerificationError as error:
        raise NotSent(f"the mail server's certificate can't be verified ({error.verify_message})") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"the mail server can't be reached ({type(error).__name__})") from None


def _connected(smtp_url: str, timeout_s: float) -> smtplib.SMTP:
    parts = urlsplit(smtp_url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=timeout_s)
    try:
        server.ehlo_or_helo_if_needed()
        secure = parts.scheme == "smtps"
        if not secure and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
            secure = True
        if parts.username:
            if not secure and host not in _HERE:
                raise NotSent("the mail server offers no TLS; the password was not sent")
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server
