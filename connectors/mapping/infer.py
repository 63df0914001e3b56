"""Propose a mapping from a sample of records: by the columns' names in several languages, and by their values."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field

import yaml

from connectors.mapping.schema import FIELDS
from connectors.mapping.shapes import MOST, Shape, shape

#: Words of column names by field, the surest first: English, French, Portuguese, Spanish, German, Italian, Dutch,
#: Swahili, Hausa, and usual abbreviations. A name of two words stands as one.
NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "complaint", "narrative", "message", "body", "complaint_text", "description", "tweet", "content",
        "comment", "comments", "feedback", "review", "headline", "remarks", "remark", "msg", "sms", "notes", "note",
        "details", "transcript", "query", "post", "desc", "utterance",
        "texte", "plainte", "reclamation", "commentaire", "reclamacao", "mensagem", "descricao", "comentario",
        "queja", "reclamo", "mensaje", "descripcion", "texto", "beschwerde", "nachricht", "beschreibung", "kommentar",
        "testo", "reclamo", "messaggio", "klacht", "bericht", "malalamiko", "ujumbe", "maoni", "korafi", "sako",
    ),
    "occurred_at": (
        "occurred_at", "timestamp", "created_at", "created", "date", "datetime", "received", "time", "opened",
        "submitted", "posted", "reported", "logged", "sent_at", "when", "dt", "ts", "day",
        "horodatage", "cree", "heure", "data", "hora", "fecha", "datum", "zeit", "eingang", "tarehe", "kwanan_wata",
    ),
    "source_key": (
        "complaint_id", "ticket_id", "ticket", "case_id", "case", "review_id", "tweet_id", "message_id", "reference",
        "ref", "id", "uuid", "guid", "number", "no", "nr", "num", "key", "incident", "sr", "docket",
        "numero", "identifiant", "dossier", "protocolo", "codigo", "folio", "vorgang", "aktenzeichen", "nummer",
        "kumbukumbu",
    ),
    "customer_id": (
        "customer_id", "customer", "author_id", "user_id", "client_id", "subscriber", "client", "author", "user",
        "cust", "cif", "abonne", "cliente", "kunde", "kundennummer", "klant", "mteja",
    ),
    "account": ("account", "account_number", "acct", "acc_no", "compte", "conta", "cuenta", "konto", "akaunti"),
    "phone": (
        "phone", "msisdn", "mobile", "telephone", "tel", "gsm", "cell", "caller", "telefone", "telefono", "celular",
        "telefon", "handy", "simu", "waya",
    ),
    "email": ("email", "e_mail", "mail", "courriel", "correo", "barua_pepe"),
    "region": (
        "region", "state", "province", "county", "lga", "district", "city", "town", "location", "estado", "provincia",
        "cidade", "ciudad", "ville", "bundesland", "ort", "stadt", "mkoa", "jiha",
    ),
    "product": (
        "product", "service", "app", "plan", "airline", "package", "tariff", "produit", "produto", "servico",
        "producto", "servicio", "produkt", "dienst", "tarif", "bidhaa", "huduma",
    ),
    "language": ("language", "lang", "locale", "langue", "idioma", "sprache", "lugha", "harshe"),
}  # fmt: skip

#: Words that make of a time another one: when it was answered, when somebody was born.
_LATER = frozenset(
    ("replied", "reply", "response", "sent", "closed", "updated", "modified", "resolved", "due", "birth", "dob",
     "expiry", "month", "year", "company")
)  # fmt: skip
#: Words that make of an id somebody else's.
_OTHERS_ID = frozenset(("user", "author", "customer", "client", "response", "reply", "parent", "main", "account"))

#: A column may have this share of values twice and still be the key; exports repeat a few records.
_UNIQUE = 0.97


@dataclass(slots=True)
class Sample:
    """Cells of records by column."""

    records: int = 0
    cells: dict[str, list[str]] = field(default_factory=dict)

    def add(self, payload: bytes) -> None:
        """Take a record of named cells as JSON; what is no object is left out."""
        body = json.loads(payload)
        if not isinstance(body, dict):
            return
        for name, value in body.items():
            column = self.cells.setdefault(name, [""] * self.records)
            column.append("" if value is None else value if isinstance(value, str) else json.dumps(value))
        self.records += 1
        for column in self.cells.values():
            if len(column) < self.records:
                column.append("")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping with the reason for each field, and the columns that are left."""

    fields: dict[str, str]
    reasons: dict[str, str]
    shapes: MappingType[str, Shape]

    @property
    def left(self) -> list[str]:
        """Columns that are no field."""
        return [name for name in self.shapes if name not in self.fields.values()]


def infer(sample: Sample) -> Proposal:
    """Which column is which field; a field that no column fits is left out."""
    shapes = {name: shape(cells) for name, cells in sample.cells.items() if name.strip()}
    fields: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for target in ("occurred_at", "text", "email", "phone", "source_key", *_PLAIN):
        scores = {
            name: score
            for name, found in shapes.items()
            if name not in fields.values() and (score := _score(target, name, found)) > 0
        }
        if scores:
            best = max(scores, key=lambda name: scores[name])
            fields[target] = best
            reasons[target] = _reason(target, best, shapes[best])
    return Proposal(fields, reasons, shapes)


_PLAIN = ("customer_id", "account", "region", "product", "language")


def words(name: str) -> list[str]:
    """The words of a column's name in lower case, without accents; `#` is `number`."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain).replace("#", " number ").casefold()
    return re.findall(r"[^\W_]+", parted)


def _named(target: str, name: str) -> float:
    """How well a name says the field: 3 for all of it, 2 for a word of it; a little more for surer words."""
    parts = words(name)
    whole, known = "_".join(parts), NAMES[target]
    if whole in known:
        return 3 - known.index(whole) / 100
    pairs = {"_".join(pair) for pair in itertools.pairwise(parts)}
    return max((2 - index / 100 for index, word in enumerate(known) if word in parts or word in pairs), default=0)


def _score(target: str, name: str, found: Shape) -> float:
    """How well a column is a field; 0 is not at all."""
    if not found.values:
        return 0
    if name in FIELDS:  # the connectors that name fields themselves, such as mail, are to be believed
        return 9 if name == target else 0
    named = _named(target, name)
    match target:
        case "occurred_at":
            return _time_score(named, name, found)
        case "text":
            return _text_score(named, found)
        case "source_key":
            return _key_score(named, name, found)
        case "email":
            return found.emails if found.emails >= MOST else 0
        case "phone":
            return named if named and found.phones >= 0.8 else 0
        case "customer_id" | "account":
            return named if named and found.codes >= 0.8 and found.kinds > 1 else 0
        case "language":
            return named if named and found.length <= 8 and found.codes >= MOST else 0
        case _:
            few = found.kinds <= max(12, 0.3 * found.values) and found.kinds <= 500
            return named if named and few and found.numbers < 0.5 and found.length <= 80 else 0


def _time_score(named: float, name: str, found: Shape) -> float:
    if found.times is None or (not named and found.filled < 0.5):
        return 0
    later = 2 if _LATER & set(words(name)) else 0
    sure = 1 if found.times.order != "unknown" and len(found.times.formats) <= 1 else 0
    return 2 + named + found.times.clock + sure + found.filled - later


def _text_score(named: float, found: Shape) -> float:
    if found.times is not None or found.numbers > 0.5 or found.emails > 0.5:
        return 0
    prose = found.words >= 4 and found.distinct >= 0.5
    if not prose and not (named and found.words >= 1.5 and found.distinct >= 0.2):
        return 0
    return named + min(found.words / 10, 2) + found.distinct + found.filled


def _key_score(named: float, name: str, found: Shape) -> float:
    others = 1.5 if _OTHERS_ID & set(words(name)) else 0
    fits = found.filled >= 0.99 and found.distinct >= _UNIQUE and found.codes >= MOST and found.times is None
    if not fits or not named or found.values < 2:
        return 0
    return max(0.1, named - others)


def _reason(target: str, name: str, found: Shape) -> str:
    """Why, in words, without a value."""
    why = ["the name says so"] if _named(target, name) else []
    match target:
        case "occurred_at" if found.times is not None:
            clock = "dates and times of day" if found.times.clock else "dates without a time of day"
            order = {"unknown": "; day and month fit both ways: CHECK", "day": "", "month": "", "year": ""}
            first = f", {found.times.order} first" if found.times.order != "unknown" else ""
            why.append(f"{found.times.share:.0%} are {clock}{first}{order[found.times.order]}")
        case "text":
            why.append(
                f"{found.words:.0f} words on average, {found.distinct:.0%} distinct" + ("" if why else "; CHECK")
            )
        case "source_key":
            why.append(f"one word each, {found.distinct:.1%} distinct")
        case "email":
            why.append(f"{found.emails:.0%} are e-mail addresses")
        case "phone":
            why.append(f"{found.phones:.0%} look like phone numbers; CHECK `country`")
        case _:
            why.append(f"{found.kinds:,} different values")
    return ", ".join(why) + (f"; {found.filled:.0%} of the records have it" if found.filled < 1 else "")


def to_yaml(found: Proposal, source: str, channel: str | None) -> str:
    """The mapping file, a comment a field; `load_mapping` reads it."""
    lines = ["# Proposed from a sample by `beejan mapping infer`; read it, then try it with `beejan mapping check`."]
    lines += [f"source: {_quoted(source[:80])}"]
    lines += [f"channel: {channel}" if channel else "# channel: social, call_center, sms, web_form or file"]
    lines += ["fields:"] if found.fields else ["fields: {}"]
    order = ("source_key", "text", "occurred_at", "customer_id", "account", "phone", "email", *_PLAIN[2:])
    for target in order:
        if target in found.fields:
            lines += [f"  # {found.reasons[target]}", f"  {target}: {_quoted(found.fields[target])}"]
        elif target in ("source_key", "text", "occurred_at"):
            lines.append(f"  # {target}: {_NONE[target]}")
    when = found.shapes[found.fields["occurred_at"]] if "occurred_at" in found.fields else None
    if when is not None and when.times is not None:
        if when.times.formats and when.times.share == 1:
            lines.append(f"time_formats: [{', '.join(_quoted(p) for p in when.times.formats)}]")
        elif when.times.order == "day":
            lines += ["# not every value has one of few forms, so all that can be read are taken", "dayfirst: true"]
        lines += ["# where the times have no offset; CHECK", "timezone: UTC"]
    required = ["text"] + (["occurred_at"] if when is not None and when.filled == 1 else [])
    lines.append(f"require: [{', '.join(required)}]")
    if found.left:
        lines.append("# known and not used; move what is useful and holds no personal data to `keep`")
        lines.append("ignore:")
        lines += [f"  - {_quoted(name)}" for name in found.left]
    return "\n".join(lines) + "\n"


_NONE = {
    "source_key": "no column is unique; records are told apart by their content",
    "text": "no column looks like the complaint's words; FILL IN",
    "occurred_at": "no column is a time; the time of receipt is taken",
}


def _quoted(text: str) -> str:
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf")).rstrip("\n")
