from datetime import UTC, datetime

from connectors.files.records import Limits
from connectors.mapping import Mapping
from engine.intake.files import FileSource, envelopes

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def read(path, mapping=None):
    return list(envelopes(path, FileSource("file", "test", mapping), NOW, Limits()))


def test_equal_rows_without_an_id_stay_apart_and_come_out_the_same_again(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\ncomcast\ncomcast\nother\n")
    first, second = read(path), read(path)
    assert len({e.event_id for e in first}) == 3
    assert [e.event_id for e in first] == [e.event_id for e in second]


def test_rows_moved_in_the_file_keep_their_ids(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\na\nb\n")
    before = {e.payload: e.event_id for e in read(path)}
    path.write_text("text\nb\nnew\na\n")
    after = {e.payload: e.event_id for e in read(path)}
    assert before.items() <= after.items()


def test_the_mapped_key_is_the_source_key_and_the_mapping_travels(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Ticket #,Complaint\n 77 ,no light\n")
    mapping = Mapping(fields={"source_key": "Ticket #", "text": "Complaint"})
    (found,) = read(path, mapping)
    assert found.source_key == "77"
    assert Mapping.model_validate_json(found.mapping) == mapping
    assert found.metadata == {"file": "a.csv", "row": 2}


def test_defects_are_envelopes_too(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,a,b\n")
    (found,) = read(path)
    assert (found.defect_code, found.content_type) == ("wrong_column_count", "text/csv")


def test_the_same_mail_in_an_eml_and_an_mbox_is_the_same_complaint(tmp_path):
    mail = b"From: a@example.com\nMessage-ID: <1@x>\nSubject: s\n\nno light\n"
    bounce = b"From: mailer-daemon@example.com\nMessage-ID: <2@x>\n\nno such box\n"
    (tmp_path / "a.eml").write_bytes(mail.replace(b"\n", b"\r\n"))
    (tmp_path / "b.eml").write_bytes(bounce)
    line = b"From a@example.com Mon May  4 10:00:00 2026\n"
    (tmp_path / "a.mbox").write_bytes(line + mail + b"\n" + line + bounce + b"\n")
    source = FileSource("file", "inbox")
    apart, together = (
        [(e.event_id, e.source_key) for name in names for e in envelopes(tmp_path / name, source, NOW, Limits())]
        for names in (("a.eml", "b.eml"), ("a.mbox",))
    )
    assert apart == together
    assert [key for _, key in apart] == ["1@x", "2@x"]
