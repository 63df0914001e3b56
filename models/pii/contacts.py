"""E-mail, internet addresses, handles, profile links, and secrets that are written beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from models.pii.checks import ip
from models.pii.phones import NOT_MONEY
from models.pii.rule import GAP, Finder, Rule, cued

_MAIL = r"(?:gmail|googlemail|yahoo|ymail|hotmail|outlook|live|icloud|aol|protonmail|proton|rocketmail)"
_AT = r"(?:\s{0,2}[(\[{] ?(?:at|@) ?[)\]}]\s{0,2}| at |_at_|\s?@\s?)"
_DOT = r"(?:\s{0,2}[(\[{] ?(?:dot|\.) ?[)\]}]\s{0,2}| dot |\s?\.\s?|,(?=com))"
_SPELT_DOT = r"(?: dot | ?[(\[{] ?dot ?[)\]}] ?)"
_LOCAL = r"(?<![\w.%+-])(?:[\w%+-]{1,40}(?: (?:dot|underscore) | ?[(\[{] ?dot ?[)\]}] ?)){0,3}[\w.%+-]{1,256}"
_NETWORKS = r"(?:facebook|fb|instagram|twitter|x|tiktok|linkedin|snapchat|threads)\.(?:com|net)"
_PLATFORM = "facebook|fb|instagram|insta|ig|twitter|x|tiktok|linkedin|snapchat|snap|telegram|skype"


def contacts(cues: Mapping[str, tuple[str, ...]]) -> tuple[Finder, ...]:
    """The rules, with `cues` by type."""
    secrets = cues["SECRET"]
    return (
        Rule("URL", re.compile(r"(?i)\b[a-z]{2,10}://[^\s/@:\ue000]{1,64}:[^\s/@\ue000]{1,64}@[^\s\ue000]{1,200}"), needs=("://",)),
        Rule("SECRET", re.compile(r"(?i)[?&](?:access_|auth_|id_)?(?:token|key|apikey|api_key|password|pwd|pass|session|sid|auth|secret|sig)=([^\s&#\ue000]{3,200})"), needs=("=",)),
        Rule("SECRET", re.compile(r"\b(?:eyJ[\w-]{10,200}\.[\w-]{10,500}\.[\w-]{10,200}|(?:sk|pk|ghp|xox[bp])[-_][A-Za-z0-9_-]{16,100}|AKIA[A-Z0-9]{16})\b"),
             needs=("eyj", "sk", "pk", "ghp", "xox", "akia")),
        Rule("EMAIL", re.compile(r"(?<![\w.%+-])[\w.%+-]{1,256}@(?:[\w-]{1,63}\.){1,5}[^\W\d_]{2,24}"), needs=("@",)),
        Rule("EMAIL", re.compile(rf"(?i){_LOCAL}{_AT}{_MAIL}\b(?:{_DOT}(?:com|co|org|net|ng|fr|ke|uk)\b){{0,2}}"),
             needs=("mail", "yahoo", "outlook", "live", "icloud", "aol", "proton")),
        Rule("EMAIL", re.compile(
            rf"(?i){_LOCAL}(?: at | ?[(\[{{] ?at ?[)\]}}] ?| ?@ ?)[a-z0-9-]{{2,40}}{_SPELT_DOT}[a-z]{{2,10}}\b(?:{_SPELT_DOT}[a-z]{{2,3}}\b)?"
        ), needs=("dot",)),
        Rule("IP", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), ip),
        Rule("IP", re.compile(r"(?<![\w:])(?=[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{6,39}(?![\w:])"), ip, needs=(":",)),
        Rule("HANDLE", re.compile(rf"(?i)(?<![\w.])(?:(?:www|m|web|mobile|ng)\.)?(?:{_NETWORKS}|t\.me)/(?:in/|add/|profile\.php\?id=)?@?([\w.-]{{2,50}}\w)"), needs=("/",)),
        Rule("HANDLE", re.compile(rf"(?i)\b(?:{_PLATFORM})(?: (?:handle|user ?name|username|id|page|name))?[\s:=]{{1,3}}(?:is |na )?([\w.]{{2,30}}[\w])(?![\w@])"), _handle,
             needs=tuple(_PLATFORM.split("|"))),
        Rule("HANDLE", re.compile(r"(?i)\b(?:handle|user ?name|user id)[\s:=]{1,3}(?:is |na )?@?([\w.]{2,30}\w)(?![\w@])"), _handle, needs=("handle", "user")),
        Rule("SECRET", re.compile(r"(?i)\b(?:password|passwd|pwd|passphrase|pass ?word)(?:[ \t]{0,2}[:=][ \t]{0,2}|[ \t](?:is|was|na)[ \t]{1,2}|[ \t])([^\s\ue000]{4,64})"), _password,
             needs=("pass", "pwd")),
        cued("SECRET", ("otp", "one time password", "verification code", "passcode"), r"(?!(?:19|20)\d\d(?!\d))\d{4,8}(?![\d*#])(?![ .,-]?\d)(?! ?(?:times?|days?|hours?)\b)" + NOT_MONEY, GAP),
        cued("SECRET", secrets, r"\d(?:[ -]?\d){2,7}(?![\d*#])(?![ .,-]?\d)(?! ?(?:times?|days?|hours?|hrs?|mins?|minutes?|characters|digits?)\b)" + NOT_MONEY),
    )  # fmt: skip


def mentions() -> Rule:
    """`@name`, after everything else that has an @ in it."""
    pattern = r"(?<![\w@])@(?!(?:N|NGN|Ksh|KES)?\d{1,9}\b)(?=\d{0,20}[^\W\d])\w+(?:[.@]\w+)*"
    return Rule("HANDLE", re.compile(pattern), needs=("@",))


def _handle(value: str) -> bool:
    """A word with a digit, dot or underscore in it, which plain words lack; no web address."""
    return any(c.isdigit() or c in "._" for c in value) and any(c.isalpha() for c in value) and not _WEB.search(value)


def _password(value: str) -> bool:
    """A word with letters and with digits or signs in it."""
    inner = value.rstrip(".,;:!?)'\"")
    return any(c.isalpha() for c in inner) and any(not c.isalpha() for c in inner[1:]) and "'" not in inner


_WEB = re.compile(r"(?i)\.(?:com|net|org|ng|uk|co|app|html?)$")
