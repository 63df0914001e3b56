"""The table of real files in docs/files.md: checked here, and written by running this file as a program."""

import os
from collections import Counter
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.kinds import HEAD_BYTES, told
from connectors.files.records import Limits, records
from connectors.files.unpack import open_bytes

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "files.md"
MARK = "<!-- table -->\n"


def table(data):
    lines = ["| file | kind | records | defects, or why it is refused |", "|---|---|---|---|"]
    paths = [p for folder in ("emails", "messy_tables") for p in sorted((data / folder).rglob("*")) if p.is_file()]
    lines += [line(path, path.relative_to(data)) for path in paths]
    return "\n".join(lines) + "\n"


def line(path, name):
    kind = ""
    try:
        with open_bytes(path, Limits()) as stream:
            kind = told(path, stream.peek(HEAD_BYTES))
        found = list(records(path))
    except UnreadableFile as error:
        return f"| {name} | {kind} | | {str(error).removeprefix(f'{path}: ')} |"
    defects = Counter(record.defect_code for record in found if record.defect_code)
    what = ", ".join(f"{count} {code}" for code, count in sorted(defects.items()))
    what = what or ("" if found else "a header and no row")
    return f"| {name} | {kind} | {len(found) - defects.total()} | {what} |"


def test_the_table_of_real_files_is_true(data):
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == table(data)


if __name__ == "__main__":
    whole = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    folder = Path(os.environ.get("BEEJAN_DATA", ROOT.parent / "shared" / "data"))
    PAGE.write_text(whole + MARK + table(folder), encoding="utf-8")
