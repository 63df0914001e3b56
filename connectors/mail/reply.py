"""What the sender wrote: a mail's text without quoted mails and the signature, never cut to nothing."""

from __future__ import annotations

import re

_WROTE = (
    r"wrote|writes|sent|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|geschreven|napisał(?:\(a\))?|skrev|"
    r"написала?|пишет|писал|kirjoitti|yazdı|(?:đã )?viết|رسالة|写道|のメッセージ"
)

#: "On 4 May 2026 at 10:00, Ada <ada@example.com> wrote:" in many languages, joined to one line.
_INTRO = re.compile(rf"(?=.*(?:\d|@)).*(?:\b|\s)(?:{_WROTE})\b.{{0,60}}:$|.*写道[:：]$", re.I)
_INTRO_START = re.compile(
    r"(?:>\s*)*(?:-+\s*)?(?:on|am|le|el|em|il|op|w dniu|dnia|den|am|på|в|vào|пн|вт|ср|чт|пт|сб|вс|\d{1,4}[./-]\d|"
    r"\d{1,2}\s\w+\s\d{4}|(?:mon|tue|wed|thu|fri|sat|sun)\w*,)",
    re.I,
)
#: '4.5.2026, 10:00, "Ada" <ada@example.com>:', "Ada <ada@example.com> wrote:" and "---- Ada wrote ----".
_DATED = re.compile(r"\d{4}[/-]\d{1,2}[/-]\d{1,2}\s+.*<\s?\S+@\S+>:?$|.*\d.*<\s?\S+@\S+>\s?:$")
_NAMED = re.compile(rf".{{0,80}}<?\S+@\S+>?\s+(?:{_WROTE})\s*:$|-{{2,}}.{{3,80}}\s(?:{_WROTE})\s?-{{2,}}$", re.I)
#: The same at the end of the sender's own line.
_SHARED = re.compile(r"(?P<own>.*\S)\s*(?:\s|-{2,}\s?)(?:on)\s[^:]*\d.*\b(?:wrote|sent):$", re.I)

#: "-----Original Message-----".
_ORIGINAL = re.compile(
    r"[\s>*]*[-_=]{2,}\s*(?:original message|reply message|original-nachricht|ursprüngliche nachricht|"
    r"message d'origine|message original|mensaje original|mensagem original|messaggio originale|"
    r"oorspronkelijk bericht|oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|"
    r"wiadomość oryginalna|исходное сообщение|original appointment)\s*[-_=]{2,}\s*$",
    re.I,
)
_FORWARDED = re.compile(
    r"[\s>*]*(?:[-_=]{2,}\s*(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|"
    r"mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|пересылаемое сообщение|forwarded by\b.*)"
    r"|begin forwarded message:)",
    re.I,
)
_FORWARD_SUBJECT = re.compile(r"\s*(?:fwd?|wg|tr|rv|enc|i|пересл)\s*:", re.I)

#: The header lines of a quoted mail: sender, and what follows a sender.
_FROM = re.compile(
    r"[\s>*]*(?:from|von|de|van|från|fra|da|od|от|từ|lähettäjä|kimden|expéditeur)\s?\*?\s?:\*?\s*\S", re.I
)
_SENT = re.compile(r"[\s>*]*(?:sent|date|gesendet|datum|envoyé(?: le)?|enviado(?: el)?|data)\s?\*?\s?:\*?\s.*\d", re.I)
_FIELD = re.compile(
    r"[\s>*]*(?:sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé(?: le)?|à|objet|enviado(?: el)?|"
    r"enviada em|para|asunto|assunto|inviato|a|oggetto|data|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|"
    r"wysłano|do|temat|отправлено|дата|кому|тема|gửi|đến|chủ đề|ngày|from|von|organization|x-\w+)\s?\*?\s?:\*?\s",
    re.I,
)

_DEVICE = re.compile(
    r"(?:sent from|sent via|get outlook for|von meinem?|gesendet (?:von|mit)|envoyé (?:de|depuis)|"
    r"enviado (?:desde|do|de)|inviato da|verzonden (?:vanaf|met)|skickat från|sendt fra|отправлено (?:с|из)|"
    r"wysłane z)\b(?:\s+[^\s,.;]+){1,6}[.]?$",
    re.I,
)
_CLOSING = re.compile(
    r"(?:(?:kind|best|warm|many|with)?\s*(?:kind|best|warm)?\s*regards|yours (?:sincerely|faithfully|truly)|"
    r"sincerely(?: yours)?|thanks (?:and|&) regards|mit freundlichen grüßen|cordialement|saludos(?: cordiales)?|"
    r"atenciosamente|cordiali saluti|met vriendelijke groet(?:en)?)\s*[,.!]*$",
    re.I,
)

#: A longer line is a paragraph of somebody's, and no line that a mail program puts above a quote.
_LONGEST_LINE = 300
_MOST_INTRO_LINES = 4
_SIGNATURE_LINES, _SIGNATURE_WIDTH = 8, 80


def own_words(text: str, subject: str = "") -> str:
    """The text without quotes and signature; a forwarded mail keeps what it forwards.

    Args:
        text: with line ends as \\n.
        subject: tells a forwarded mail.
    """
    lines = [line.rstrip() for line in text.split("\n")]
    if _FORWARD_SUBJECT.match(subject):
        return text.strip()
    kept = _without_quotes(lines)
    if not any(_FORWARDED.match(line) for line in kept if len(line) <= _LONGEST_LINE):
        kept = _without_signature(kept)
    cut = "\n".join(kept).strip()
    return cut if _says_something(cut) else text.strip()


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    at = 0
    while at < len(lines):
        if len(lines[at]) > _LONGEST_LINE:
            kept.append(lines[at])
            at += 1
            continue
        if _FORWARDED.match(lines[at]):
            return kept + lines[at:]
        if _starts_block(lines, at):
            break
        shared = _SHARED.match(lines[at])
        if shared and (below := _skip_blank(lines, at + 1)) < len(lines) and _quoted(lines[below]):
            kept.append(shared["own"].rstrip("- "))
            at = _after_quote(lines, below)
        elif length := _intro(lines, at):
            below = _skip_blank(lines, at + length)
            if below < len(lines) and not _quoted(lines[below]):
                if any(_says_something(line) for line in kept):
                    break
                kept.append(lines[at])
                at += 1
                continue
            at = _after_quote(lines, below)
        elif _quoted(lines[at]) and (end := _after_quote(lines, at)) - at > 1:
            at = end
        else:
            kept.append(lines[at])
            at += 1
    while kept and not _says_something(kept[-1]):
        kept.pop()
    return kept


def _starts_block(lines: list[str], at: int) -> bool:
    """Whether the header of a quoted mail starts here, from which on all is quoted."""
    if _ORIGINAL.match(lines[at]):
        return True
    following = [line for line in lines[at + 1 : at + 9] if line.strip()][:6]
    if _SENT.match(lines[at]):
        return bool(following) and bool(_FIELD.match(following[0]))
    if not _FROM.match(lines[at]):
        return False
    if "@" in lines[at] and following and _SENT.match(following[0]):
        return True
    return sum(bool(_FIELD.match(line)) for line in following) >= 2


def _intro(lines: list[str], at: int) -> int:
    """How many lines introduce a quote here; 0 where none do."""
    first = lines[at].strip().lstrip("> ").strip()
    if not first:
        return 0
    if _NAMED.match(first):
        return 1
    if not _INTRO_START.match(first):
        return 0
    for count in range(1, _MOST_INTRO_LINES + 1):
        part = lines[at : at + count]
        if len(part) < count or not part[-1].strip():
            return 0
        joined = " ".join(line.strip().lstrip("> ") for line in part).strip()
        if len(joined) > _LONGEST_LINE:
            return 0
        if _DATED.match(joined) or (joined.endswith((":", "：")) and _INTRO.match(joined)):
            return count
    return 0


def _quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _skip_blank(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _after_quote(lines: list[str], at: int) -> int:
    """The place of the first line behind a run of quoted ones, blank lines between them included."""
    end = at
    while at < len(lines) and (_quoted(lines[at]) or not lines[at].strip()):
        at += 1
        end = at if _quoted(lines[at - 1]) else end
    return end


def _without_signature(lines: list[str]) -> list[str]:
    for at, line in enumerate(lines):
        if line == "--" and any(_says_something(above) for above in lines[:at]):
            lines = lines[:at]
            break
    while lines and (not lines[-1].strip() or _DEVICE.match(lines[-1].strip()[:_LONGEST_LINE])):
        lines = lines[:-1]
    for at in range(max(1, len(lines) - _SIGNATURE_LINES), len(lines)):
        if all(len(line) <= _SIGNATURE_WIDTH for line in lines[at:]) and _CLOSING.match(lines[at].strip()):
            return lines[:at]
    return lines
