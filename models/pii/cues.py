"""The words that announce a value, by type; configs/pii.yaml adds a deployment's own."""

from __future__ import annotations

from types import MappingProxyType

CUES = MappingProxyType(
    {
        "PHONE": (
            "phone", "tel", "telephone", "call", "called", "calling", "mobile", "cell", "fax", "whatsapp", "whats app", "contact", "reach", "dial", "sms",
            "msisdn", "line", "number", "numbers", "text", "messages", "answering", "ring", "gsm", "office", "home", "sim",
            "nomba", "lamba", "lambar waya", "simu", "nọmba", "nọ́mbà",
        ),
        "CARD": ("card", "cards", "pan", "mastercard", "visa", "verve", "amex"),
        "ACCOUNT": (
            "acct", "accts", "acc", "account", "accounts", "a/c", "ac", "nuban", "meter", "policy", "customer", "subscriber", "smartcard", "smart card",
            "decoder", "imei", "iccid", "iuc", "aza", "account name and number",
            "lambar asusu", "asusu", "asusun", "asusun ajiya", "akaụntụ", "àkáǹtì", "akanti",
        ),
        "NIN": ("nin", "vnin", "virtual nin", "nimc", "national id", "national identity", "national identification", "national identity number", "identity number", "slip number"),
        "BVN": ("bvn", "bank verification number", "bank verification"),
        "SSN": ("ssn", "social security"),
        "PASSPORT": ("passport", "passport no", "international passport", "intl passport"),
        "LICENCE": (
            "driver's licence", "driver's license", "drivers licence", "drivers license", "driving licence", "driving license", "driver licence",
            "driver license", "licence", "frsc licence", "license",
        ),
        "VOTER": ("voter's card", "voters card", "voter card", "pvc", "voter id", "vin"),
        "TIN": ("tin", "tax id", "tax identification number", "tax number"),
        "DOB": ("dob", "d.o.b", "date of birth", "birth date", "birthdate", "birthday", "bday", "born", "year of birth",
            "ranar haihuwa", "ranar haihuwata", "haihuwa", "ọjọ́ ìbí", "ọjọ ibi", "ojo ibi", "ụbọchị ọmụmụ", "ubochi omumu"),
        "PLATE": ("plate", "plate number", "number plate", "vehicle", "vehicle reg", "reg no", "reg number", "registration", "car", "license plate", "keke", "bus", "okada", "tricycle", "bike", "truck", "lorry", "motor"),
        "SECRET": ("otp", "pin", "cvv", "cvv2", "cvc", "passcode", "security code", "one time password", "one-time password", "verification code"),
        "ADDRESS": (
            "address", "addresses", "my address is", "here they are", "address to", "live at", "lives at", "living at", "live in", "lives in", "lived in", "lived at", "live on", "home is at", "reside at", "resides at",
            "residing at", "stay at", "stays at", "staying at", "moved to", "relocated to", "located at", "sent to", "send it to", "deliver to", "delivered to", "ship to", "shipped to",
            "mailed to", "mail to", "come to", "visit me at", "house is at", "user", "we dey stay", "i dey stay",
        ),
    }
)  # fmt: skip
#: A cue announces a value, a title a name; neither is a name itself.
CUE_WORDS = frozenset(
    {cue for given in CUES.values() for cue in given}
    | {"iban", "email", "e-mail", "whatsapp", "ip", "smart"}
    | {
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "engr",
        "barr",
        "alhaji",
        "alhaja",
        "hajiya",
        "mallam",
        "chief",
        "sir",
        "madam",
    }
)
