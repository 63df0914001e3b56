"""Phrase banks of call-centre agents: short notes about the customer, in the third person."""

from __future__ import annotations

#: Sub-category: what the agent noted.
NOTES: dict[str, tuple[str, ...]] = {
    "network.no_signal": ("no sig in {area}, handset on emergency calls only", "nil coverage inside bldg {area}", "zero bars {area} x 3 days, other lines OK", "cx has to go outside to get 1 bar, loc {area}"),
    "network.slow_data": ("slow browsing {area}, pages timing out", "4G speed <0.5 Mbps evenings", "bought {gb}GB, cannot load WhatsApp", "video calls freezing, works from home"),
    "network.dropped_calls": ("calls dropping after approx 30 secs", "voice breaking then cut off, loc {area}", "redialled same no. 6x today", "call drop on both of cx's handsets"),
    "network.outage": ("no service whole of {area}, voice + data", "network down {area}, cx says entire street affected", "multiple POS offline {area}, total loss of service", "area-wide outage {area} per cx, no notice recvd", "all lines dead in household, {area}, went off suddenly"),
    "billing.overcharge": ("disputes bill of {amount}", "billed twice for same plan", "invoice shows {amount} cx cannot explain", "charged higher plan than subscribed"),
    "billing.unknown_deduction": ("{amount} deducted from airtime, no usage", "says bal dropped by {amount} overnight", "repeated small deductions, VAS not active on profile", "loaded {amount}, bal zero within the hour"),
    "billing.refund": ("chasing refund of {amount}", "refund pending, promised 48h, not recvd", "cancelled in cooling-off, wants {amount} back", "bank confirms no reversal of {amount} yet"),
    "billing.recharge_failed": ("recharge {amount} not reflecting, bank debited", "voucher shows already used", "{gb}GB data purchase failed, money deducted", "app top-up successful but bal not credited"),
    "service.no_response": ("no reply to 5 mails", "prev ticket open since last month, no update", "chat closed on cx 3x", "says helpline rings out"),
    "service.rude_staff": ("complains of rude staff at {area} shop", "prev agent hung up on cx", "attendant at {area} allegedly insulted cx", "wants formal complaint vs agent logged"),
    "service.long_wait": ("held >1 hr before this call", "queued 4 hrs at {area} office, not attended", "waited all day at {area} centre", "IVR loop, cut off twice while holding"),
    "service.broken_promise": ("engineer no-show, 3rd appointment", "callback promised, never made", "told 24h fix, still not done", "advertised bonus not credited"),
    "account.login": ("cannot log in to app", "OTP not received", "pwd reset done, app still rejects", "locked out of self care portal"),
    "account.sim_registration": ("NIN linkage failed at {area} office", "SIM reg shows another person's name", "registered at {area}, line still barred", "asked to re-register, 3rd time"),
    "account.blocked": ("line barred, cx owes nothing", "wallet frozen with funds inside", "both lines suspended w/o notice", "no. blocked while cx was travelling"),
    "account.details": ("name misspelt on profile", "wants address updated", "wrong DOB on file", "req. change of ownership to spouse"),
    "device.router_fault": ("router rebooting every 10 min", "red LED on router", "MiFi not charging", "modem overheats and goes off"),
    "device.handset": ("handset bought from us not ringing", "swollen battery, under warranty", "instalment phone dead", "screen black, repair took 3 wks"),
    "device.sim_card": ("SIM not recognised in 3 handsets", "phone shows invalid SIM", "eSIM QR expired, not activating", "replacement SIM no network"),
    "device.delivery": ("ordered router not delivered", "parcel marked delivered, cx has nothing", "wrong model delivered to {area}", "order in transit 3 wks, tracking not opening"),
    "fraud.sim_swap": ("suspected SIM swap, {amount} left bank acct", "line dead then funds moved, cx did not authorise swap", "SIM replaced at {area} office by unknown person", "no. active on another handset"),
    "fraud.scam_call": ("recvd call from fake staff asking for PIN", "promo scam, asked to pay {amount}", "phishing link by SMS claiming SIM update", "fraudster knew cx full name, cx gave nothing"),
    "fraud.unauthorised_transaction": ("disputes wallet transfer of {amount}", "withdrawal of {amount} not done by cx", "airtime bought on app with cx card, not authorised", "momo wallet emptied overnight"),
    "fraud.unwanted_subscription": ("subscribed to joke service w/o consent", "wants caller tune removed", "sent STOP 10x, still renewing", "VAS taking {amount} weekly, not requested"),
    "other.praise": ("called to commend agent", "happy with new fibre in {area}", "says network in {area} much improved", "compliment re shop at {area}"),
    "other.question": ("asked how to check data bal", "enq. re 5G in {area}", "enq. price of {gb}GB plan", "asked opening hrs of {area} office"),
}  # fmt: skip

#: Main category: further remarks.
REMARKS: dict[str, tuple[str, ...]] = {
    "network": ("restarted device, nil change", "SIM tried in 2nd phone, same", "neighbours on other networks OK", "issue since morning", "issue x 3 days", "worse in evenings", "APN checked OK", "cx runs business from there"),
    "billing": ("debit alert sighted", "no active VAS on profile", "2nd month running", "cx has receipts", "txn shows pending", "cx rejects explanation given", "last agent said 48h"),
    "service": ("cx for 10 yrs", "ref no. not given", "cx could not recall agent name", "asks for supervisor", "3rd contact on same issue"),
    "account": ("docs submitted already", "KYC verified", "line used for business", "system slow at branch per cx", "tried app + web"),
    "device": ("within warranty", "factory reset done", "bought 2 mths ago", "payment confirmed", "wants replacement not repair"),
    "fraud": ("bank informed", "police report made", "line temporarily barred on request", "PIN not shared per cx", "happened at night", "cx very distressed"),
    "other": ("nil further", "no action needed"),
}  # fmt: skip

OPENERS = (
    "Cust called re:", "Cust reports", "Inbound. Cx says", "Caller states:", "cx complains:", "Esc from tier 1:", "Walk-in:", "Repeat caller:",
    "cust v. upset -", "c/b request.", "CX called,", "Issue:", "Complaint logged:", "Third call this wk:", "Verified cx.", "sub complains of", "",
)  # fmt: skip
CALM_OPENERS = ("Cust called:", "Inbound enq:", "Walk-in:", "Caller:", "CX called,", "General call,")

MOODS = (
    "threatens to port",
    "will report to regulator",
    "demands compensation",
    "wants resolution today",
    "very angry",
    "calm",
    "asked for callback",
    "insists on supervisor",
    "",
    "",
    "",
    "",
    "",
)
ENDS = (
    "Advised to restart device.", "Ticket raised.", "TT raised, told 24-48h.", "Esc. to tech.", "No resolution on call.", "Cust will call back.",
    "Apologised.", "Troubleshooting done, nil change.", "FU tmrw.", "Transferred to L2.", "Call dropped before resolution.", "Pls assist.", "",
)  # fmt: skip
CALM_ENDS = ("Informed cust.", "Noted with thanks.", "Info given, cust OK.", "Closed.", "")

#: How an agent notes something personal; the value follows.
CUES = {
    "PHONE": ("CB on", "Alt no.", "MSISDN", "Reach on"),
    "EMAIL": ("Alt email", "Send to"),
    "ACCOUNT": ("acct", "Acct no.", "account"),
    "PERSON": ("Cust name is", "Caller's name is", "Name:"),
    "CARD": ("paid with card", "card number"),
    "NIN": ("NIN", "NIN given:"),
}
