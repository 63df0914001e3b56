"""A mailbox over IMAP: every message of its folders, once, without changing anything in it.

A unit is a mail folder, a cursor the UIDVALIDITY and the last UID. Where a server starts to count anew, all messages
come again with the keys they had, since a key is a hash of the message.
"""

from __future__ import annotations

import contextlib
import hashlib
import imaplib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

from connectors.files.records import KEPT_BYTES, Limits
from connectors.mail.parse import record_of
from connectors.mail.settings import ImapSettings
from connectors.settings import secret
from connectors.source import BadSource, Record, SourceAway

#: RFC 2177: a server may end an IDLE after half an hour.
_LONGEST_IDLE_S = 29 * 60.0

_GLANCE_S = 1.0


class Imap:
    """A mailbox whose messages are complaints; see `connectors.source.Connector`.

    Args:
        name: the name it is configured under.
        settings: where it is, and what is read of it.

    Raises:
        BadSource: there is no password.
    """

    def __init__(self, name: str, settings: ImapSettings) -> None:
        self.channel, self.source = settings.channel, settings.called(name)
        self._settings, self._name = settings, f"sources.{name}"
        password = secret(f"{self._name}.password", settings.password_env, settings.password_file)
        if password is None:
            raise BadSource(f"{self._name}: no password; set password_env or password_file")
        self._password = password
        self._limits = Limits()
        self._box: Any = None
        self._marked: dict[str, int] = {}
        self._closed = threading.Event()

    def discover(self) -> Iterator[str]:
        """The folders that are configured."""
        self._connect()
        yield from self._settings.folders

    def read(self, unit: str, cursor: str | None) -> Iterator[Record]:
        """The messages of a folder behind `cursor`, by UID."""
        try:
            yield from self._read(unit, json.loads(cursor) if cursor else {"validity": -1, "uid": 0})
        except (imaplib.IMAP4.error, OSError) as error:
            self._drop()
            raise self._away(error) from error

    def wait(self, limit_s: float) -> None:
        """Return when the server tells of something new (IDLE), or after `limit_s`."""
        deadline = time.monotonic() + min(limit_s, _LONGEST_IDLE_S)
        if self._box is None or len(self._settings.folders) > 1 or "IDLE" not in self._box.client.capabilities:
            self._closed.wait(max(0.0, deadline - time.monotonic()))
            return
        try:
            self._box.idle.start()
            while not self._closed.is_set() and (left := deadline - time.monotonic()) > 0:
                if self._box.idle.poll(timeout=min(_GLANCE_S, left)):
                    break
            self._box.idle.stop()
        except Exception as error:  # imap_tools' own classes and the socket's: the next look connects anew
            self._drop()
            raise self._away(error) from error

    def close(self) -> None:
        """Log out and end a wait; it may be called twice."""
        self._closed.set()
        self._drop()

    def _connect(self) -> None:
        if self._box is not None:
            return
        import imap_tools

        one = self._settings
        try:
            match one.tls:
                case "tls":
                    box: Any = imap_tools.MailBox(one.host, one.port, one.timeout_s, ssl_context=self._context())
                case "starttls":
                    box = imap_tools.MailBoxStartTls(one.host, one.port, one.timeout_s, ssl_context=self._context())
                case _:
                    box = imap_tools.MailBoxUnencrypted(one.host, one.port, one.timeout_s)
        except ssl.SSLCertVerificationError as error:
            raise BadSource(
                f"{self._name}: the certificate of {one.host} is not trusted ({error.verify_message}); "
                "is `host` as the certificate has it? ca_file names another authority"
            ) from error
        except (imaplib.IMAP4.error, OSError) as error:
            raise self._away(error) from error
        try:
            box.login(one.user, self._password, initial_folder=None)
        except imap_tools.MailboxLoginError as error:
            with contextlib.suppress(Exception):
                box.client.shutdown()
            if _unavailable(error):
                raise self._away(error) from error
            raise BadSource(f"{self._name}: {one.host} refuses the login of `user`; is the password right?") from error
        except (imaplib.IMAP4.error, OSError) as error:
            raise self._away(error) from error
        self._box = box

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise BadSource(f"{self._name}.ca_file: {self._settings.ca_file} cannot be read; is it PEM?") from error

    def _read(self, unit: str, cursor: dict[str, int]) -> Iterator[Record]:
        self._connect()
        validity = self._select(unit)
        after = cursor["uid"] if cursor["validity"] == validity else 0
        if self._settings.mark_seen and self._marked.get(unit, 0) < after:
            self._mark_seen(unit, after)
        for uid in self._uids(after):
            record = self._message(unit, uid)
            if record is not None:
                yield self._with_cursor(record, unit, validity, uid)

    def _select(self, unit: str) -> int:
        from imap_tools import MailboxFolderSelectError

        client = self._box.client
        try:
            self._box.folder.set(unit, readonly=not self._settings.mark_seen)
        except MailboxFolderSelectError as error:
            raise BadSource(
                f"{self._name}.folders: {self._settings.host} has no folder {unit!r}; see what it has"
            ) from error
        _, values = client.response("UIDVALIDITY")
        return int((values or [b"0"])[0] or 0)

    def _uids(self, after: int) -> list[int]:
        # n:* always names the last message too, whatever its UID.
        _, found = self._checked(self._box.client.uid("SEARCH", f"UID {after + 1}:*"))
        return sorted(uid for part in found if part for uid in map(int, part.split()) if uid > after)

    def _message(self, unit: str, uid: int) -> Record | None:
        """A message, or None where it is gone by now."""
        most = self._settings.max_message_bytes
        # One byte more than is taken tells whether it is too large, and bounds what comes.
        raw = self._fetch(uid, f"BODY.PEEK[]<0.{most + 1}>")
        if raw is None:
            return None
        about = {"folder": unit, "uid": uid}
        key = f"~{hashlib.sha256(raw).hexdigest()[:32]}"
        if len(raw) > most:
            message = f"over {most} bytes; raise max_message_bytes, or read it in the mailbox"
            return Record(raw[:KEPT_BYTES], "message/rfc822", key, "", about, "record_too_large", message)
        one = record_of(raw, uid, self._limits)
        about |= dict(one.metadata)
        return Record(one.payload, one.content_type, key, "", about, one.defect_code, one.defect_message)

    def _fetch(self, uid: int, what: str) -> bytes | None:
        _, found = self._checked(self._box.client.uid("FETCH", str(uid), f"({what})"))
        return next((part[1] for part in found if isinstance(part, tuple)), None)

    def _mark_seen(self, unit: str, until: int) -> None:
        """What is durable by now counts as read."""
        _, found = self._checked(self._box.client.uid("SEARCH", f"UID 1:{until} UNSEEN"))
        uids = [uid.decode() for part in found if part for uid in part.split() if int(uid) <= until]
        for start in range(0, len(uids), 500):
            self._checked(
                self._box.client.uid("STORE", ",".join(uids[start : start + 500]), r"+FLAGS.SILENT", r"(\Seen)")
            )
        self._marked[unit] = until

    @staticmethod
    def _checked(answer: tuple[str, list[Any]]) -> tuple[str, list[Any]]:
        if answer[0] != "OK":
            raise imaplib.IMAP4.error(f"the server answers {answer[0]}")
        return answer

    @staticmethod
    def _with_cursor(record: Record, unit: str, validity: int, uid: int) -> Record:
        cursor = json.dumps({"validity": validity, "uid": uid})
        return Record(
            record.payload, record.content_type, record.key, cursor, record.metadata, record.defect_code,
            record.defect_message,
        )  # fmt: skip

    def _drop(self) -> None:
        box, self._box = self._box, None
        if box is not None:
            with contextlib.suppress(Exception):  # it is gone either way
                box.client.sock.settimeout(2)
                box.client.logout()

    def _away(self, error: Exception) -> SourceAway:
        reason = "no answer" if isinstance(error, (TimeoutError, socket.gaierror)) else type(error).__name__
        one = self._settings
        return SourceAway(f"{self._name}: {one.host}:{one.port} is away ({reason}); it is tried again")


def _unavailable(error: Exception) -> bool:
    """Whether a refused login is said to be temporary: RFC 5530."""
    return "UNAVAILABLE" in str(error) or "INUSE" in str(error)
