"""Texts to train the language model on: permissive sources on disk, and sentences of our own.

`docs/models/language.md` lists the sources, their licences and where they come from. Nothing under a share-alike,
non-commercial or unknown licence is read, and no text of the labelled sets that figures are reported on.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from models.language_headlines import headlines

OTHER, NAMES = "other", "und"
#: ISO 639-3 of what the model tells apart; everything else it has seen is `other`, mere names are `und`.
LANGUAGES = (
    "amh", "ara", "deu", "eng", "fra", "hau", "hin", "ibo", "ita", "kin", "nld", "pcm", "por", "sna", "som", "spa",
    "swa", "twi", "xho", "yor", "zho", "zul",
)  # fmt: skip
OWN = Path(__file__).parent / "data" / "language" / "sentences.tsv"
#: Headlines of our own in English and, most of them, in Pidgin too; examples of the language, not news.
PARALLEL = OWN.with_name("headlines.tsv")
#: Texts of one source and language at most (twice that of `other`), so that no source's topics stand for a language.
_MOST = 4000


def read(data: Path, sources: Path) -> dict[tuple[str, str], list[str]]:
    """All texts by (source, language), each once, in an order that a text's md5 gives.

    Args:
        data: the folder of public data sets (banking77, clinc150, cfpb, naijasenti, wnut17).
        sources: a folder of checkouts, `owner+name` each.

    Raises:
        FileNotFoundError: a source is missing; the message names it.
    """
    held = {_key(text) for text in _held_out(data)}
    texts: dict[tuple[str, str], dict[str, str]] = {}
    for source, language, text in _all(data, sources):
        for part in _parts(_ASCII_LETTERS.sub(" ", text) if language in _OTHER_SCRIPTS else text):
            key = _key(part)
            if key and key not in held:
                texts.setdefault((source, language), {}).setdefault(key, part)
    most = {name: _MOST * (2 if name[1] == OTHER else 1) for name in texts}
    return {name: [texts[name][key] for key in sorted(texts[name], key=_md5)[: most[name]]] for name in sorted(texts)}


def _all(data: Path, sources: Path) -> Iterator[tuple[str, str, str]]:
    yield from _own()
    yield from (("headlines", language, text) for language, text in headlines())
    yield from _data_sets(data)
    yield from _afrisenti(sources / "afrisenti-semeval+afrisent-semeval-2023" / "data")
    yield from _nollysenti(sources / "IyanuSh+NollySenti" / "data")
    for app in ("apps_Dialer", "apps_Messaging", "apps_UnifiedEmail", "services_Telecomm", "services_Telephony"):
        yield from _android(sources / f"LineageOS+android_packages_{app}")
    yield from _stories(sources / "global-asp+asp-source")
    yield from _declaration(sources / "eric-muller+udhr" / "data" / "udhr")
    yield from _addresses(sources / "dsfsi+gov-za-sona-multilingual" / "data" / "raw")
    yield from _south_african(sources / "darthskyy+MORPH_PARSE" / "data" / "TRAIN")


def _own() -> Iterator[tuple[str, str, str]]:
    """Our sentences; names also in pairs, each with two others."""
    rows = _tsv(OWN)
    yield from (("own", row[0], row[1]) for row in rows)
    parallel = ((language, text) for row in _tsv(PARALLEL) for language, text in zip(("eng", "pcm"), row, strict=True))
    yield from (("own", language, text) for language, text in parallel if text)
    names = [row[1] for row in rows if row[0] == NAMES]
    for index, name in enumerate(names):
        for step in (7, 31):
            yield "own", NAMES, f"{name} {names[(index + step) % len(names)]}"


def _data_sets(data: Path) -> Iterator[tuple[str, str, str]]:
    banking = (row["text"] for row in _csv(data / "banking77" / "train.csv"))
    yield from (
        ("banking77", "eng", text) for text in banking if int(_md5(text), 16) % 2 == 0
    )  # the rest is reported on
    yield from (("clinc150", "eng", row["text"]) for row in _csv(data / "clinc150" / "train_val.csv.gz"))
    for row in _csv(data / "cfpb" / "narratives.csv.gz"):
        yield "cfpb", "eng", row["Consumer complaint narrative"]
    yield from (("naijasenti", row["lang"], row["tweet"]) for row in _csv(data / "naijasenti" / "train.csv.gz"))
    sentences = (data / "wnut17" / "train.conll").read_text("utf-8").split("\n\n")
    for sentence in sentences:
        yield "wnut17", "eng", " ".join(line.split("\t")[0] for line in sentence.splitlines())


def _held_out(data: Path) -> Iterator[str]:
    yield from (row["text"] for row in _csv(data / "lid" / "lid_dev.csv"))
    yield from (row["tweet"] for row in _csv(data / "naijasenti" / "dev.csv.gz"))


def _afrisenti(folder: Path) -> Iterator[tuple[str, str, str]]:
    languages = {"amh": "amh", "kin": "kin", "por": "por", "swa": "swa", "twi": "twi", "arq": "ara", "ary": "ara"}
    for name in (*languages, "orm", "tir", "tso"):
        if (folder / name / "train.tsv").exists() or name in languages:
            yield from (
                ("afrisenti", languages.get(name, OTHER), row[0]) for row in _tsv(folder / name / "train.tsv")[1:]
            )


def _nollysenti(folder: Path) -> Iterator[tuple[str, str, str]]:
    for name, language in {"en": "eng", "ha": "hau", "ig": "ibo", "pcm": "pcm", "yo": "yor"}.items():
        yield from (("nollysenti", language, row[0]) for row in _tsv(folder / name / "train.tsv")[1:])


def _android(folder: Path) -> Iterator[tuple[str, str, str]]:
    _exists(folder)
    for english in sorted(folder.rglob("res/values/strings.xml")):
        originals = dict.fromkeys(_strings(english))  # in their order: a set has another in each process
        yield from (("android", "eng", text) for text in originals)
        for file in sorted(english.parent.parent.glob("values-*/strings.xml")):
            code = file.parent.name.split("-")[1]
            language = _ISO3.get(code, OTHER)
            if language != "eng":
                yield from (("android", language, text) for text in _strings(file) if text not in originals)


def _strings(file: Path) -> list[str]:
    found = re.findall(r"<(?:string|item)\b[^>]*>(.*?)</(?:string|item)>", file.read_text("utf-8"), re.DOTALL)
    texts = (html.unescape(re.sub(r"<[^>]*>|%(?:\d\$)?[sd]|\\n|%%", " ", text)) for text in found)
    return [" ".join(text.replace("\\", "").strip('" ').split()) for text in texts]


def _stories(folder: Path) -> Iterator[tuple[str, str, str]]:
    _exists(folder)
    for file in sorted(folder.glob("*/*.md")):
        text = file.read_text("utf-8")
        if re.search(r"License: (?:\[CC-BY\]|CC BY)\s*$", text, re.MULTILINE):
            language = _ISO3.get(file.parent.name.split("-")[0], OTHER)
            lines = (line for line in text.splitlines() if line and line[0] not in "#*")
            yield from (("stories", language, line) for line in lines)


def _declaration(folder: Path) -> Iterator[tuple[str, str, str]]:
    _exists(folder)
    for file in sorted(folder.glob("udhr_*.xml")):
        text = file.read_text("utf-8")
        code = re.search(r"iso639-3='(\w+)'", text)
        language = _DECLARED.get(code.group(1), OTHER) if code else OTHER
        paragraphs = re.findall(r"<para>(.*?)</para>", text, re.DOTALL)
        if language != OTHER or int(hashlib.md5(file.name.encode()).hexdigest(), 16) % 4 == 0:  # noqa: S324
            yield from (("udhr", language, html.unescape(" ".join(p.split()))) for p in paragraphs)


def _addresses(folder: Path) -> Iterator[tuple[str, str, str]]:
    _exists(folder)
    for file in sorted(folder.glob("*/*.txt")):
        language = file.stem if file.stem in ("eng", "xho", "zul") else OTHER
        yield from (("addresses", language, line) for line in file.read_text("utf-8").splitlines())


def _south_african(folder: Path) -> Iterator[tuple[str, str, str]]:
    _exists(folder)
    for file in sorted(folder.glob("*.txt")):
        language = {"XH": "xho", "ZU": "zul", "EN": "eng"}.get(file.name.split(".")[1], OTHER)
        words: list[str] = []
        for line in file.read_text("utf-8").splitlines():
            word = line.split("\t")[0].strip()
            words += [word] if word and not word.startswith("<") else []
            if word in {".", "?", "!"}:
                yield "south_african", language, " ".join(words)
                words = []


def _parts(text: str) -> Iterable[str]:
    """Sentences of a long text, joined up to 200 characters."""
    if len(text) <= 200:
        return [text]
    parts = [""]
    for sentence in re.split(r"(?<=[.!?;:।።。])\s+|\n", text):
        parts += [sentence] if len(parts[-1]) + len(sentence) > 200 else []
        parts[-1] = parts[-1] if parts[-1] is sentence else f"{parts[-1]} {sentence}".strip()
    return [part[:400] for part in parts]


def _key(text: str) -> str:
    return " ".join(re.findall(r"[^\W\d_]+", text.casefold().replace("@user", "")))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "surrogatepass")).hexdigest()  # noqa: S324 -- an order, no secret


def _csv(path: Path) -> Iterator[dict[str, str]]:
    _exists(path)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _tsv(path: Path) -> list[list[str]]:
    _exists(path)
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
    return [[cell.strip().strip('"') for cell in row] for row in rows if len(row) >= 2]


def _exists(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(
            f"training source {path} is missing: see docs/models/language.md for where it comes from"
        )


#: English names and words inside these prove nothing.
_OTHER_SCRIPTS = ("amh", "ara", "hin", "zho")
_ASCII_LETTERS = re.compile("[A-Za-z]+")
_ISO3 = {
    "am": "amh", "ar": "ara", "de": "deu", "en": "eng", "fr": "fra", "ha": "hau", "hi": "hin", "ig": "ibo", "it": "ita",
    "rw": "kin", "nl": "nld", "pt": "por", "sn": "sna", "so": "som", "es": "spa", "sw": "swa", "tw": "twi", "xh": "xho",
    "yo": "yor", "zh": "zho", "zu": "zul",
}  # fmt: skip
_DECLARED = {code: code for code in LANGUAGES} | {
    "arb": "ara", "swh": "swa", "aka": "twi", "cmn": "zho", "pcm": "pcm",
}  # fmt: skip
