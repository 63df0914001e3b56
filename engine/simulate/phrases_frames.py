"""English phrase banks around the trouble: openings, what it leads to, what is asked, closings."""

from __future__ import annotations

#: Main category: what came of it; "" for texts that say nothing of it.
EFFECTS: dict[str, tuple[str, ...]] = {
    "network": ("I have lost customers because of this", "I missed an interview", "I cannot work like this", "we could not reach the doctor", "my shop is at a standstill", "my parents abroad cannot reach me", "I had to borrow a neighbour's phone", "my exam portal closed before the page opened"),
    "billing": ("that money was for my children's lunch", "I am stranded without credit", "it is costing me every day", "I keep a small business and every naira counts", "I had to borrow to recharge again", "I feel robbed", "I have nothing left for this month"),
    "service": ("I spent money going up and down", "my whole day is ruined", "it is embarrassing", "I have never been treated like this", "I lost a day's pay", "I left there in tears", "nobody should go through this"),
    "account": ("I cannot receive my bank codes", "my customers think I have run away", "I cannot pay my staff", "my application was refused because of it", "I have lost days on this", "every day is another trip to your office"),
    "device": ("my money has gone to waste", "my children share one phone now", "I am back to buying bundles on my phone", "I carry it about like a paperweight", "it is worse than having none", "I had to buy another one"),
    "fraud": ("I have not slept since", "I am afraid for my other accounts", "this was money for school fees", "I feel unsafe using your line", "my bank blames you and you blame my bank", "my family is in shock"),
}  # fmt: skip

#: Main category: what is asked; those of "any" go with all.
ASKS: dict[str, tuple[str, ...]] = {
    "any": ("please fix it", "kindly look into this", "I want an answer today", "do something", "please call me back", "when will it be solved", "if this goes on I will port to another network", "I will report you to the regulator", "please escalate", "what is the way forward", "how long must I wait"),
    "network": ("send an engineer to check the mast", "when will it come back", "tell us what is happening", "give us a time at least", "I want my data extended for the lost days"),
    "billing": ("just give me my money back", "reverse it today", "I need a full breakdown", "credit my line now", "I want every kobo returned"),
    "service": ("I want an apology", "let a manager call me", "train your people", "I demand compensation", "I want this on record"),
    "account": ("open my line", "tell me which paper is missing", "correct it once and for all", "I need this sorted out before Friday"),
    "device": ("replace it", "I want my money or a working one", "tell me where to return it", "honour your warranty"),
    "fraud": ("block it at once", "trace it and return my money", "investigate your own staff", "stop it and refund me", "what are you doing to protect us"),
}  # fmt: skip

#: For states that go on; events such as a lost refund need none.
SINCE = (
    "since morning", "since yesterday", "for three days now", "since Monday", "since last night", "since 6am", "for two weeks",
    "again today", "since last week", "since the rain on Sunday", "as I write", "for over a week", "", "", "", "", "",
)  # fmt: skip

SOCIAL_OPENERS = (
    "@BeeTelNG", "@BeeTelNG please", "Dear @BeeTelNG,", "So @BeeTelNG,", "@BeeTelNG hello?", "@BeeTelNG_care", "Honestly @BeeTelNG",
    "@BeeTelNG are you people serious?", "Hey @BeeTelNG,", "Can somebody tell @BeeTelNG:", "Day 4 of asking @BeeTelNG:", "Thread for @BeeTelNG 🧵",
    "I don't like dragging brands but", "Who else?", "Nigerians, abeg,", "Quick one.", "Omo", "", "", "", "", "",
)  # fmt: skip
CALM_SOCIAL_OPENERS = ("@BeeTelNG", "Hi @BeeTelNG,", "Hello @BeeTelNG_care", "@BeeTelNG 👋", "Ok @BeeTelNG,", "", "")

#: Main category: praise that is none.
SARCASM: dict[str, tuple[str, ...]] = {
    "network": ("Congratulations on another day of doing nothing 👏", "Smoke signals would be faster", "Thank you for teaching me patience", "Network of the year indeed 🏆", "I now know my neighbours well, since nobody can browse"),
    "billing": ("Best pickpocket in the country 👏", "Merry Christmas to your accountant", "My airtime is now a charity", "You people eat better than me on my own money"),
    "service": ("World class service from another world", "Your hold music is number one in my playlist", "Give that team an award for hiding 🏅"),
    "account": ("Perhaps I don't exist after all", "I will bring my ancestors to identify me next time"),
    "device": ("Beautiful paperweight, thank you", "It blinks better than a disco light 🕺"),
    "fraud": ("Security tight like basket 🧺", "The thieves have better customer care than you"),
}  # fmt: skip

SOCIAL_ENDS = (
    "#BadNetwork", "#BeeTelFail", "😡", "🤦🏽‍♂️", "smh", "#NaijaTwitter", "😭😭", "do better", "cc @consumerNG", "🙄", "#fixit", "RT please", "😤😤",
    "I'm done.", "#BeeTel #wahala", "💔", "tueh", "", "", "", "", "", "", "",
)  # fmt: skip
LOCAL_SOCIAL_OPENERS = ("@BeeTelNG", "@BeeTelNG_care", "@BeeTelNG,", "", "")
LOCAL_SOCIAL_ENDS = ("#BadNetwork", "#BeeTelFail", "😡", "🤦🏽‍♂️", "😭😭", "🙄", "#BeeTel", "💔", "", "", "", "")
PRAISE_ENDS = ("👏👏", "❤️", "#BeeTel", "🙏🏽", "more of this", "🔥", "", "", "")
QUESTION_ENDS = ("🤔", "anyone?", "thanks", "?", "🙏🏽", "", "", "")

FORM_OPENERS = (
    "Good day,", "Dear Sir or Madam,", "Hello,", "To whom it may concern,", "Good morning.", "Hi team,", "Attention: customer care.",
    "I write with a heavy heart.", "This is my second message.", "Good evening, I hope this is read by a human being.", "Compliments of the day.",
    "I am a customer of many years.", "Please read to the end.", "", "", "", "", "",
)  # fmt: skip
CALM_FORM_OPENERS = ("Good day,", "Hello,", "Good morning.", "Hi team,", "Compliments of the day.", "", "", "")
REFERENCES = (
    "My ticket is TKT-{number}.",
    "Reference BT/{number}.",
    "I was given case {number} by your agent.",
    "See complaint no. {number} of last week.",
)
FORM_ENDS = (
    "Thank you.", "Regards.", "I look forward to your reply.", "Yours faithfully.", "Awaiting your urgent response.", "A disappointed customer.",
    "I will not ask again.", "Kind regards.", "", "", "", "", "", "",
)  # fmt: skip
CALM_ENDS = ("Thank you.", "Regards.", "Thanks in advance.", "Kind regards.", "", "", "")

LETTER_OPENERS = (
    "Subject: complaint\n\nDear customer care,\n\n", "RE: my earlier letter\n\n", "Formal complaint\n\nDear manager,\n\n",
    "Scanned letter, page 1.\n\n", "From: customer\nTo: care desk\n\n", "Fwd: still no solution\n\n> ", "LETTER OF COMPLAINT\n\nSir,\n\n",
    "Subject: urgent please\n\nGood day,\n\n", "[received by hand at the front desk]\n\n", "Dear BeeTel,\n\n", "Subject: Re: Re: your promise\n\n",
    "The Branch Manager,\nBeeTel Nigeria.\n\nDear Sir,\n\n",
)  # fmt: skip
CALM_LETTER_OPENERS = (
    "Dear BeeTel,\n\n",
    "Subject: a word to your team\n\n",
    "From: customer\nTo: care desk\n\n",
    "Good day,\n\n",
)

#: How people give something personal; the value follows.
CUES = {
    "PHONE": (
        "Call me on",
        "my number is",
        "reach me at",
        "the line is",
        "the affected number is",
        "you can reach me on",
    ),
    "EMAIL": ("Reply to", "my mail is", "write me at", "send it to"),
    "ACCOUNT": ("My account number is", "acct", "Account no.", "it concerns account"),
    "PERSON": ("My name is", "my full name is", "Name:"),
    "CARD": ("I paid with card", "card number"),
    "NIN": ("My NIN is", "NIN:"),
}
