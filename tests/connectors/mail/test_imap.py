import datetime
import json
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.mail.imap import Imap
from connectors.mail.settings import ImapSettings
from connectors.source import BadSource, SourceAway
from tests.connectors.conformance import Case, Conformance, read_all
from tests.connectors.mail.imap_server import Mailbox, Server


def mail(number, text):
    return (
        f"From: Ada <ada@example.com>\r\nTo: care@example.com\r\nSubject: about {number}\r\n"
        f"Message-ID: <{number}@example.com>\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\n\r\n{text}\r\n"
    ).encode()


@pytest.fixture
def box():
    return Mailbox()


@pytest.fixture
def server(box):
    running = Server(box)
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def open_box(server, tmp_path, monkeypatch):
    monkeypatch.setenv("BOX_PASSWORD", "secret")
    opened = []

    def make(**changes):
        values = {"host": "127.0.0.1", "port": server.server_address[1], "tls": "off", "user": "care",
                  "password_env": "BOX_PASSWORD", "timeout_s": 5} | changes  # fmt: skip
        opened.append(Imap("inbox", ImapSettings.model_validate(values)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


class TestImap(Conformance):
    @pytest.fixture
    def case(self, box, open_box):
        for number, text in enumerate(("no network", "no airtime", "the bill")):
            box.add(mail(number, text), uid=10 * (number + 1))
        box.add(mail(9, "from another folder"), "Complaints")
        box.add(b"no mail at all", "Complaints")

        def add(text):
            box.add(mail(77, text), "Complaints")

        expected = ["no network", "no airtime", "the bill", "from another folder", "no mail at all"]
        return Case(lambda: open_box(folders=["INBOX", "Complaints"]), expected, add, ("ada@example.com", "secret"))


def test_nothing_is_changed_unless_configured(box, open_box):
    box.add(mail(1, "one"))
    read_all(open_box())
    assert box.seen == set()
    assert 'EXAMINE "INBOX"' in box.commands
    assert not [command for command in box.commands if command.startswith(("SELECT", "UID STORE"))]


def test_messages_are_marked_once_their_cursor_was_kept(box, open_box):
    box.add(mail(1, "one"))
    box.add(mail(2, "two"))
    connector, cursors = open_box(mark_seen=True), {}
    records = read_all(connector, cursors)
    assert box.seen == set()
    assert read_all(connector, {"INBOX": records[0].cursor})[0].key == records[1].key
    assert box.seen == {1}
    assert read_all(connector, cursors) == []
    assert box.seen == {1, 2}


def test_a_new_uidvalidity_reads_all_again_with_the_same_keys(box, open_box):
    box.add(mail(1, "one"))
    box.add(mail(2, "two"))
    cursors = {}
    first = read_all(open_box(), cursors)
    box.validity, box.folders["INBOX"] = 8, [(5, mail(1, "one")), (6, mail(2, "two"))]
    again = read_all(open_box(), cursors)
    assert [(r.key, r.payload) for r in again] == [(r.key, r.payload) for r in first]
    assert json.loads(cursors["INBOX"]) == {"validity": 8, "uid": 6}


def test_a_broken_connection_is_away_and_goes_on_behind_the_cursor(box, open_box):
    for number in range(3):
        box.add(mail(number, f"text {number}"))
    box.break_after, cursors = 2, {}
    connector = open_box()
    with pytest.raises(SourceAway):
        read_all(connector, cursors)
    box.break_after = None
    (record,) = read_all(connector, cursors)
    assert "text 2" in record.payload.decode()


def test_a_message_that_is_too_large_is_a_defect_with_its_beginning(box, open_box):
    box.add(mail(1, "x" * 5000))
    box.add(mail(2, "small"))
    large, small = read_all(open_box(max_message_bytes=2048))
    assert large.defect_code == "record_too_large"
    assert large.payload.startswith(b"From: Ada")
    assert small.defect_code is None


def test_idle_ends_the_wait_when_a_message_comes(box, open_box):
    box.add(mail(1, "one"))
    connector, cursors = open_box(), {}
    read_all(connector, cursors)
    import threading

    threading.Timer(0.3, box.add, [mail(2, "two")]).start()
    started = time.monotonic()
    connector.wait(60)
    assert time.monotonic() - started < 30
    assert "IDLE" in box.commands
    assert len(read_all(connector, cursors)) == 1


def test_a_wrong_password_is_a_persons_matter_and_a_busy_server_is_not(box, open_box, monkeypatch, tmp_path):
    box.login_answer = "[UNAVAILABLE] later"
    with pytest.raises(SourceAway):
        read_all(open_box())
    box.login_answer = None
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(BadSource, match="refuses the login") as error:
        read_all(open_box(password_env=None, password_file=tmp_path / "password"))
    assert "wrong" not in str(error.value)
    with pytest.raises(BadSource, match="no password"):
        open_box(password_env=None)
    monkeypatch.delenv("BOX_PASSWORD")
    with pytest.raises(BadSource, match="BOX_PASSWORD is not set"):
        open_box()


def test_a_folder_that_is_not_there_is_named(open_box):
    with pytest.raises(BadSource, match="no folder 'Nowhere'"):
        read_all(open_box(folders=["Nowhere"]))


def test_a_server_that_is_not_there_is_away(open_box, server):
    server.shutdown()
    server.server_close()
    with pytest.raises(SourceAway, match="is away"):
        read_all(open_box())


def test_a_certificate_is_verified(box, open_box, tmp_path):
    context = certificate(tmp_path)
    server = Server(box, context)
    box.add(mail(1, "one"))
    port = server.server_address[1]
    with pytest.raises(BadSource, match="not trusted"):
        read_all(open_box(tls="tls", port=port, host="localhost"))
    trusted = open_box(tls="tls", port=port, host="localhost", ca_file=tmp_path / "cert.pem")
    assert len(read_all(trusted)) == 1
    with pytest.raises(BadSource, match="not trusted"):
        read_all(open_box(tls="tls", port=port, host="127.0.0.1", ca_file=tmp_path / "cert.pem"))
    server.shutdown()
    server.server_close()


def test_a_connection_that_is_upgraded_is_checked_like_one_that_begins_encrypted(box, tmp_path, open_box):
    box.add(b"Subject: slow\r\nMessage-ID: <s@x>\r\n\r\nslow network\r\n")
    server = Server(box, starttls=certificate(tmp_path))
    try:
        where = {"tls": "starttls", "port": server.server_address[1], "host": "localhost"}
        with pytest.raises(BadSource, match="certificate"):
            read_all(open_box(**where))
        assert box.commands == ["CAPABILITY", "STARTTLS"]
        assert len(read_all(open_box(**where, ca_file=tmp_path / "cert.pem"))) == 1
        login = box.commands.index("LOGIN")
        assert "STARTTLS" in box.commands[2:login]
    finally:
        server.shutdown()
        server.server_close()


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
