import json
import re
import socketserver
import threading
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes

import pytest

from connectors.lance import Table, open_reader
from engine.counts import Counts
from engine.report import figures, page, period
from engine.report.figures import BadPeriod
from engine.report.keep import due, make
from engine.report.mail import MailAway, NoMail, send
from engine.settings import Settings
from engine.tables import INCIDENTS, serving
from tests.counts.test_counts import made

NOW = datetime(2026, 3, 11, 7, tzinfo=UTC)  # a Wednesday


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    found = Settings(data_dir=tmp_path_factory.mktemp("report"))
    root = f"{found.zones_uri}/serving"
    spec = serving(384)
    Table(root, spec.name, spec.key, spec.schema, spec.version).upsert(made(200, 1))
    incidents = Table(root, INCIDENTS.name, INCIDENTS.key, INCIDENTS.schema)
    import pyarrow as pa

    times = [(NOW - timedelta(days=1, hours=3), None), (NOW - timedelta(days=30), NOW - timedelta(days=29))]
    rows = [
        {"incident_id": str(n), "segment": "category=<b>net</b>", "state": "new", "severity": "high", "observed": 9,
         "expected": 2.0, "started_at": began, "ended_at": ended}
        for n, (began, ended) in enumerate(times)
    ]  # fmt: skip
    incidents.upsert(pa.Table.from_pylist(rows, schema=INCIDENTS.schema))
    return found


@pytest.fixture(scope="module")
def found(settings):
    root = f"{settings.zones_uri}/serving"
    counts = Counts(None, open_reader(root, "complaints"))
    return figures(counts, open_reader(root, "incidents"), "daily", *period("daily", None, NOW))


@pytest.mark.parametrize(
    ("kind", "day", "since"),
    [
        ("daily", None, datetime(2026, 3, 10, tzinfo=UTC)),
        ("daily", date(2026, 3, 5), datetime(2026, 3, 5, tzinfo=UTC)),
        ("weekly", None, datetime(2026, 3, 2, tzinfo=UTC)),
        ("weekly", date(2026, 3, 8), datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_a_period_is_one_that_is_over(kind, day, since):
    assert period(kind, day, NOW) == (since, since + timedelta(days=1 if kind == "daily" else 7))


@pytest.mark.parametrize(
    ("kind", "day"), [("monthly", None), ("daily", date(2026, 3, 11)), ("weekly", date(2026, 3, 9))]
)
def test_what_is_not_over_or_no_kind_is_refused(kind, day):
    with pytest.raises(BadPeriod):
        period(kind, day, NOW)


def test_the_figures_are_those_of_the_day(found, settings):
    rows = open_reader(f"{settings.zones_uri}/serving", "complaints").search().limit(999).to_list()
    days = [row["occurred_at"].date() for row in rows]
    assert (found["all"]["total"], found["all"]["before"]) == (
        days.count(date(2026, 3, 10)),
        days.count(date(2026, 3, 9)),
    )
    assert [sum(one["total"] for one in series) for series in found["by"].values()] == [found["all"]["total"]] * 6
    assert len(found["buckets"]) == 24
    assert [one["incident_id"] for one in found["incidents"]] == ["0"]
    json.dumps(found)


def test_the_page_holds_everything_and_no_markup_of_a_value(found):
    text = page(found)
    assert "Plotly.newPlot" in text and len(text) > 1_000_000
    body = text[: text.index("<script>")]
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", body)
    assert "<b>net</b>" not in text and "&lt;b&gt;net" in body
    assert f"version {found['version']}" in body


class Smtp(socketserver.StreamRequestHandler):
    mails, refuse = [], False

    def handle(self):
        self.wfile.write(b"220 x\r\n")
        lines = []
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go\r\n")
                while (part := self.rfile.readline()) != b".\r\n":
                    lines.append(part)
                self.mails.append(b"".join(lines))
            bye = b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n"
            self.wfile.write(b"554 no\r\n" if self.refuse else bye)


@pytest.fixture
def smtp():
    Smtp.mails, Smtp.refuse = [], False
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def mailing(settings, port, **more):
    values = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_tls": "none", "sender": "b@x.org", "to": ["a@x.org"]}
    return settings.model_copy(update={"reports": settings.reports.model_validate(values | more)})


def test_a_report_is_mailed_as_an_attachment(settings, found, smtp):
    send(mailing(settings, smtp).reports, found)
    (raw,) = Smtp.mails
    mail = message_from_bytes(raw)
    assert mail["To"] == "a@x.org" and "daily report of 2026-03-10" in mail["Subject"]
    attached = [part for part in mail.walk() if part.get_filename()]
    assert [part.get_filename() for part in attached] == ["complaints-daily-2026-03-10.html"]
    assert attached[0].get_payload(decode=True).decode() == page(found)


def test_without_a_server_or_where_it_refuses_that_is_told(settings, found, smtp):
    with pytest.raises(NoMail):
        send(settings.reports, found)
    Smtp.refuse = True
    with pytest.raises(MailAway):
        send(mailing(settings, smtp).reports, found)


def test_a_scheduled_report_is_made_once_and_again_if_its_mail_failed(settings, smtp, tmp_path):
    with_mail = mailing(settings, smtp, schedule=["daily"])
    assert due(with_mail, NOW.replace(hour=5)) == []
    ((kind, path),) = due(with_mail, NOW)
    Smtp.refuse = True
    with pytest.raises(MailAway):
        make(with_mail, kind, path, NOW)
    assert due(with_mail, NOW) == [(kind, path)]
    Smtp.refuse = False
    make(with_mail, kind, path, NOW)
    assert due(with_mail, NOW) == [] and path.name == "daily-2026-03-10.html" and len(Smtp.mails) == 1
