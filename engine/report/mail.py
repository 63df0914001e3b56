"""Sends a report by SMTP, as an attachment with its figures in the mail's text."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import Any

from connectors.errors import Terminal, Transient
from engine.report.html import page
from engine.settings import ReportSettings


class NoMail(Terminal):
    """Mail is not set up."""


class MailAway(Transient):
    """The mail server does not take the report."""


_LIMIT_S = 30


def message(settings: ReportSettings, found: dict[str, Any]) -> EmailMessage:
    """The mail of a report.

    Raises:
        NoMail: there is no server, sender or reader in the settings.
    """
    if not (settings.smtp_host and settings.sender and settings.to):
        raise NoMail("report: mail is not set up; give reports.smtp_host, reports.sender and reports.to")
    mail = EmailMessage()
    name = f"{found['kind']}-{found['since'][:10]}"
    mail["Subject"] = f"Complaints, {found['kind']} report of {found['since'][:10]}"
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
    mail["Message-ID"] = f"<beejan-{name}-{found['version']}@{settings.sender.rpartition('@')[2]}>"
    whole = found["all"]
    mail.set_content(
        f"{whole['total']:,} complaints from {found['since']} to {found['until']}; {whole['before']:,} in the period "
        f"before. Incidents: {len(found['incidents'])}. The report is attached.\n"
    )
    mail.add_attachment(page(found).encode(), maintype="text", subtype="html", filename=f"complaints-{name}.html")
    return mail


def send(settings: ReportSettings, found: dict[str, Any]) -> None:
    """Send a report to `reports.to`.

    Raises:
        NoMail: see `message`.
        MailAway: the server is away, or refuses.
    """
    mail = message(settings, found)
    assert settings.smtp_host is not None  # else there is no mail
    context = ssl.create_default_context()
    try:
        if settings.smtp_tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.smtp_host, settings.smtp_port, timeout=_LIMIT_S, context=context
            )
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_LIMIT_S)
        with server:
            if settings.smtp_tls == "starttls":
                server.starttls(context=context)
            if settings.smtp_user and settings.smtp_password:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise MailAway(
            f"report: {settings.smtp_host} does not take it ({type(error).__name__}); tried again"
        ) from error
