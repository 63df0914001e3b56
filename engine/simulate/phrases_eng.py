"""English phrase banks: per sub-category the trouble and details of it."""

from __future__ import annotations

#: Sub-category: (what went wrong, details that may follow).
TROUBLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "network.no_signal": (
        (
            "there is no signal at all in {area}", "my phone shows emergency calls only in {area}",
            "I get zero bars the moment I enter {area}", "reception has vanished around {area}",
            "no service on my line since I came to {area}", "I have to climb to the roof in {area} to get one bar",
            "the signal keeps searching in {area}", "my line has been dead at {area}", "{area} is now a village as far as your network is concerned",
            "you have no coverage left at {area}", "inside my shop in {area} there is no coverage whatsoever",
        ),
        ("my neighbour on another network is fine", "I restarted the phone many times", "it has been like this for weeks",
         "even the SIM in my old phone shows nothing", "the mast near the market seems dead"),
    ),
    "network.slow_data": (
        (
            "the internet is crawling in {area}", "my 4G is slower than dial-up", "pages take five minutes to open here in {area}",
            "I bought {gb}GB and cannot even load WhatsApp", "browsing speed drops to nothing every evening",
            "video calls freeze all the time", "your data is painfully slow at {area}", "speed test shows 0.2 Mbps on a good day", "a one minute video buffers for ten at {area}",
            "my {gb}GB will expire before a single page loads", "email attachments never go through from {area}",
        ),
        ("mornings are fine, evenings are hopeless", "I work from home and keep missing meetings",
         "my children cannot do their online classes", "I tried three APN settings", "the hotspot is just as bad"),
    ),
    "network.dropped_calls": (
        (
            "my calls cut after thirty seconds", "every call drops in the middle", "people hear me broken up and then the line dies", "I cannot finish one conversation in {area}",
            "all I say these days is hello, hello, can you hear me",
            "I have redialled the same number six times today", "calls end by themselves around {area}",
            "the voice goes robotic and then it disconnects", "customers say my line goes dead while we talk",
        ),
        ("I am charged for every redial", "it started after your upgrade", "it happens on both my phones",
         "only inside {area} though", "important business calls are lost"),
    ),
    "network.outage": (
        (
            "the whole of {area} has no network", "network is completely down in {area}", "nothing works in {area}, no calls, no data",
            "total blackout on your network here in {area}", "your service went off in {area} and has not come back",
            "nobody in my street in {area} can call or browse", "all our POS terminals in {area} are offline because your network is down",
            "we cannot reach anyone from {area}, the network just died", "is there an outage in {area}? everything stopped at once",
        ),
        ("it went off without warning", "the entire estate is affected", "my shop is losing money every minute",
         "even the hospital here cannot make calls", "when will it be restored", "no message from you people at all",
         "both 4G and calls are gone"),
    ),
    "billing.overcharge": (
        (
            "my bill is {amount} instead of the usual amount", "I was charged twice for the same plan", "roaming charges of {amount} for a trip I never made",
            "you billed me {amount} for a month I was abroad",
            "the invoice shows {amount} that I cannot explain", "my postpaid bill doubled overnight",
            "I pay for the small plan and was billed for the big one",
        ),
        ("I have all the receipts", "nobody told me the price had gone up", "this is the second month running",
         "the chat agent agreed that it looks wrong", "I will not pay for what I did not use"),
    ),
    "billing.unknown_deduction": (
        (
            "{amount} vanished from my airtime", "you removed {amount} from my balance and I did nothing",
            "my credit keeps disappearing overnight", "airtime of {amount} was deducted without any call",
            "I loaded {amount} this morning and it is gone", "explain the {amount} that left my line",
            "before I made a single call {amount} was gone", "small small deductions every day from my line",
        ),
        ("I checked, no subscription is active", "it happens around midnight", "my data was off",
         "the statement only says VAS", "this is the third time this month"),
    ),
    "billing.refund": (
        (
            "I am still waiting for my refund of {amount}", "you promised to return {amount} and nothing came",
            "my refund has been pending for weeks", "where is the {amount} you agreed to reverse", "nobody will return the {amount} you took by mistake",
            "the {amount} you owe me has not been paid back",
            "I cancelled within the cooling-off days and want {amount} back",
        ),
        ("every agent says 48 hours", "I have the confirmation mail", "my bank says nothing was sent",
         "please do not ask me for the same documents again"),
    ),
    "billing.recharge_failed": (
        (
            "I recharged {amount} and it did not reflect", "my bank was debited {amount} but no airtime came",
            "the voucher says already used", "{amount} top-up has not dropped", "I paid {amount} at a shop in {area} and my balance is the same",
            "data purchase of {gb}GB failed and the money is gone",
            "top-up through the app was successful but my balance is zero",
        ),
        ("I have the debit alert", "the transaction says pending", "my bank says you received it", "I tried again and it took the money twice"),
    ),
    "service.no_response": (
        (
            "nobody answers my mails", "I send messages and they enter a hole", "three complaints and not one answer",
            "I have written five times without any reply", "your chat just closes on me",
            "my ticket has been open since last month", "I keep getting automated replies and no human being",
            "your customer care line rings out every time",
        ),
        ("the ticket says resolved but nothing was done", "I only want somebody to read my message",
         "even the branch could not reach you", "is anybody there"),
    ),
    "service.rude_staff": (
        (
            "the agent shouted at me", "your staff at the {area} shop insulted me", "I was told to take it or leave it",
            "the lady on the phone laughed at my problem and hung up", "the attendant was very disrespectful",
            "he called me a liar in front of other customers",
        ),
        ("I have been a customer for ten years", "I did not raise my voice once", "other people saw it", "she refused to give her name"),
    ),
    "service.long_wait": (
        (
            "I have been on hold for over an hour", "the queue at your {area} office took four hours",
            "I listened to your music for fifty minutes", "three people served two hundred customers at {area} today",
            "I waited from opening until closing at your centre",
        ),
        ("in the end the call was cut", "two of the counters were empty", "elderly people were standing", "I had to leave without being served"),
    ),
    "service.broken_promise": (
        (
            "your engineer was to come yesterday and never showed up", "I was promised a call back that never came",
            "you said it would be fixed in 24 hours", "the bonus you advertised was never given",
            "the agent assured me it was solved and it is not", "you promised compensation for last month",
        ),
        ("I took a day off for nothing", "this is the third appointment", "I have it in writing", "each time another excuse"),
    ),
    "account.login": (
        (
            "I cannot log in to the app", "the one time code never arrives", "your app says wrong password after I reset it",
            "the self care portal locks me out", "since the update the app does not open my account",
        ),
        ("I reinstalled it twice", "the reset link has expired when it comes", "it worked last week", "I need my statement from there"),
    ),
    "account.sim_registration": (
        (
            "my SIM is still not linked to my identity number", "I registered at {area} and the line is barred",
            "I was told to register again for the third time", "my SIM registration shows another person's name",
            "the linkage failed at your office",
        ),
        ("I brought every paper", "your system was down", "my fingerprints were taken twice", "the deadline is this week"),
    ),
    "account.blocked": (
        (
            "my line has been blocked for no reason", "you suspended my account and I owe nothing", "my number was barred while I was travelling",
            "my wallet is frozen and my money is inside", "both my lines were disconnected without notice",
        ),
        ("this is my business number", "I use it for my bank codes", "I paid the bill on time", "nobody can say who blocked it"),
    ),
    "account.details": (
        (
            "my name is spelled wrongly on the account", "please change the address on my file", "you still send bills to my old mail address",
            "the wrong date of birth is on my profile", "I want to move the line to my wife's name",
        ),
        ("I filled the form two months ago", "the branch says only head office can do it", "it stops me from upgrading"),
    ),
    "device.router_fault": (
        (
            "the router you sold me restarts every ten minutes", "a red light is blinking on my router", "my MiFi does not charge any more",
            "the home router overheats and goes off", "the new modem loses the connection all day",
        ),
        ("it is only two months old", "I did the factory reset", "the replacement has the same fault", "the shop refuses the warranty"),
    ),
    "device.handset": (
        (
            "the phone I bought from your shop does not ring", "the battery of the handset swells", "the screen of my new phone went black",
            "the phone on instalment stopped working", "the microphone of the handset was dead out of the box",
        ),
        ("still under warranty", "the repair took it for three weeks", "I want a replacement, not another repair"),
    ),
    "device.sim_card": (
        (
            "my SIM card is not recognised", "the phone says invalid SIM", "the new eSIM never activates", "my SIM broke when I moved it",
            "the replacement SIM shows no network",
        ),
        ("I tried it in three phones", "your shop gave me a used one", "the QR code says expired"),
    ),
    "device.delivery": (
        (
            "the router I ordered never arrived", "my parcel is marked delivered and I have nothing", "the courier left my device at a wrong address in {area}",
            "my order has been in transit for three weeks", "you delivered the wrong model",
        ),
        ("payment was taken at once", "the tracking page does not open", "nobody called me"),
    ),
    "fraud.sim_swap": (
        (
            "somebody swapped my SIM and emptied my account", "my line stopped and then {amount} left my bank",
            "an unknown person replaced my SIM at your {area} office", "my number is working in another person's phone",
        ),
        ("I reported to the police", "how did they do it without my papers", "please block it at once", "all my savings are gone"),
    ),
    "fraud.scam_call": (
        (
            "a man claiming to be your staff asked for my PIN", "I got a call that I won a promo and must pay {amount}",
            "scammers keep calling with your name", "a fake agent sent me a link to update my SIM",
            "somebody from your so-called head office wanted my card number",
        ),
        ("he knew my full name", "the number looks like yours", "my mother almost sent the money", "please warn people"),
    ),
    "fraud.unauthorised_transaction": (
        (
            "{amount} was transferred from my wallet without my consent", "there is a withdrawal of {amount} that I never made",
            "somebody bought airtime with my card on your app", "my mobile money was emptied last night",
        ),
        ("I was asleep at that time", "my PIN is known to nobody", "reverse it before it is withdrawn", "I called within five minutes"),
    ),
    "fraud.unwanted_subscription": (
        (
            "I was subscribed to a joke service that I never wanted", "you charge me for caller tunes I did not ask for",
            "stop the daily horoscope on my line", "a football alert takes {amount} from me every week",
            "I sent STOP ten times and the subscription goes on",
        ),
        ("I do not even know how it started", "my old mother does not read such things", "it renews by itself", "refund what you took"),
    ),
    "other.praise": (
        (
            "the new fibre in {area} is excellent", "your agent solved my problem in five minutes", "thank you, the network in {area} is much better now",
            "great service at your {area} shop today", "I am impressed by the new app",
        ),
        ("keep it up", "please give that agent a bonus", "I will tell my friends", "credit where it is due"),
    ),
    "other.question": (
        (
            "how do I check my data balance", "do you have 5G in {area}", "what is the price of the {gb}GB plan",
            "when does your office in {area} open", "can I keep my number if I move to fibre",
        ),
        ("the website does not say", "thanks in advance", "I am thinking of switching to you"),
    ),
}  # fmt: skip
