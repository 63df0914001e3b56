"""Phrase banks in Nigerian Pidgin, Hausa, Yoruba and Igbo."""

from __future__ import annotations

#: Language: sub-category: what went wrong.
TROUBLES: dict[str, dict[str, tuple[str, ...]]] = {
    "pcm": {
        "network.no_signal": ("network no dey show for {area} at all", "my phone no see any bar since wey I enter {area}", "na only emergency call my phone dey show for {area}"),
        "network.slow_data": ("the data slow die for {area}", "I buy {gb}GB but e no gree load anything", "your internet dey waka like tortoise", "browsing na wahala for {area}"),
        "network.dropped_calls": ("call dey cut anyhow", "once I dial person the call go just cut", "my voice dey break, dem no dey hear me"),
        "network.outage": ("the whole {area} no get network o", "una network don die for {area}", "everywhere for {area} dark, no call no data", "since wey network go for {area} e never come back", "POS no dey work for {area} because una network don fall"),
        "billing.overcharge": ("una charge me {amount} for wetin I no use", "my bill don double, wetin happen"),
        "billing.unknown_deduction": ("una chop my {amount} airtime", "my credit dey vanish for night", "who remove {amount} from my line abeg", "I load {amount}, before I blink e don finish"),
        "billing.refund": ("abeg return my {amount}", "dem say make I wait 48 hours, till now my {amount} never enter"),
        "billing.recharge_failed": ("I recharge {amount} e no enter", "bank don debit me {amount} but airtime no show"),
        "service.no_response": ("una no dey reply person", "I don send message tire, nobody answer"),
        "service.rude_staff": ("that una agent for {area} insult me well well", "the girl for phone dey shout for me like pikin"),
        "service.long_wait": ("I don hold this phone pass one hour", "queue for una {area} office long reach road"),
        "service.broken_promise": ("una talk say una go fix am yesterday, I never see anybody", "dem promise to call me back, na lie"),
        "account.login": ("the app no gree open", "code no dey come when I wan enter my account"),
        "account.sim_registration": ("dem say my SIM never link, meanwhile I don register for {area}", "how many times person go register one SIM"),
        "account.blocked": ("una block my line for nothing", "my wallet don lock and my money dey inside"),
        "device.router_fault": ("this router dey off by himself every time", "the MiFi wey I buy no dey charge"),
        "fraud.sim_swap": ("thief don swap my SIM, clear my account", "my line dey another person hand, abeg block am"),
        "fraud.scam_call": ("one yahoo boy call me say na una, e dey ask for my PIN", "dem say I win promo make I pay {amount}"),
        "fraud.unwanted_subscription": ("who ask una for caller tune, una dey chop my money", "remove this yeye subscription from my line"),
        "fraud.unauthorised_transaction": ("money {amount} comot from my wallet, no be me do am", "person use my card buy airtime for una app"),
        "account.details": ("una write my name wrong for the account", "I wan change my address, una no gree"),
        "device.handset": ("the phone wey I buy for una shop don spoil", "battery of the phone don swell like bread"),
        "device.sim_card": ("my SIM no dey show for phone", "the new SIM wey una give me no dey work"),
        "device.delivery": ("the router wey I order never reach {area}", "una rider carry my market go another place"),
        "other.praise": ("una try for {area}, network sweet now", "that una agent sabi work, well done"),
        "other.question": ("abeg how I go check my data", "una get 5G for {area}?"),
    },
    "hau": {
        "network.no_signal": ("babu sabis a {area}", "wayata ba ta samun sigina a {area}", "tun da na shigo {area} babu layi"),
        "network.slow_data": ("intanet yana da jinkiri sosai", "na sayi data {gb}GB amma ba ta aiki", "data ba ta sauri a {area}"),
        "network.dropped_calls": ("kira yana yankewa kullum", "idan na kira sai ya yanke"),
        "network.outage": ("babu network a duk {area} tun safe", "layin ku ya mutu a {area}", "mutanen {area} duka ba su da sabis", "kira da data duk sun tsaya a {area}"),
        "billing.unknown_deduction": ("kun cire min kuɗi {amount} ba dalili", "kuɗin wayata suna bacewa kullum", "wa ya cire {amount} daga layina"),
        "billing.recharge_failed": ("na saka katin {amount} amma bai shiga ba", "banki ya cire {amount} amma ban samu kati ba"),
        "billing.refund": ("ku mayar min da kuɗina {amount}", "har yanzu ban ga kuɗina ba"),
        "service.no_response": ("ba ku amsa sakona ba", "na kira sau da yawa babu wanda ya amsa"),
        "service.rude_staff": ("ma'aikacin ku ya wulaƙanta ni a {area}",),
        "account.blocked": ("kun rufe layina ba laifi", "an toshe layina kuma ina buƙatar shi"),
        "account.sim_registration": ("na yi rajistar layi a {area} amma bai yi ba",),
        "fraud.scam_call": ("wani ya kira ni yana cewa daga wurin ku yake, yana neman lambar sirri",),
        "fraud.unwanted_subscription": ("ban nemi wannan sabis ba, ku cire shi",),
        "fraud.sim_swap": ("an sace lambata kuma an kwashe kuɗina",),
        "fraud.unauthorised_transaction": ("an cire {amount} daga asusuna ba da izinina ba",),
        "billing.overcharge": ("kun caje ni {amount} fiye da kima",),
        "service.long_wait": ("na jira fiye da awa ɗaya a ofishin ku na {area}",),
        "account.login": ("ba zan iya shiga manhajar ku ba",),
        "device.router_fault": ("rauta da kuka sayar min ba ta aiki",),
        "device.sim_card": ("katin SIM ɗina ba ya aiki",),
        "other.praise": ("gaskiya sabis ya gyaru a {area}, na gode",),
        "other.question": ("yaya zan duba sauran data",),
    },
    "yor": {
        "network.no_signal": ("kò sí nẹ́tíwọ́kì rárá ní {area}", "foonu mi kò rí sígínà ní {area}", "ko si network ni {area} rara"),
        "network.slow_data": ("ayelujara yin lọra pupọ", "mo ra data {gb}GB ṣugbọn ko ṣiṣẹ", "data mi ko yara rara ni {area}"),
        "network.dropped_calls": ("ipe mi n ja lemọlemọ", "bi mo ba pe eniyan, ipe a ja"),
        "network.outage": ("kò sí nẹ́tíwọ́kì ní gbogbo {area} láti àárọ̀", "gbogbo {area} ni ko le pe tabi lo data", "nẹtiwọki yin ti ku ni {area}", "lati owurọ ni {area} ko ti si network"),
        "billing.unknown_deduction": ("ẹ yọ owo mi {amount} lai sọ fun mi", "owo ori foonu mi n parẹ lojoojumọ", "ta lo mu {amount} mi"),
        "billing.recharge_failed": ("mo ra kaadi {amount} ṣugbọn ko wọle", "banki ti yọ {amount} ṣugbọn mi o ri airtime"),
        "billing.refund": ("ẹ da owo mi {amount} pada", "mo ṣi n duro de owo mi"),
        "service.no_response": ("ẹ ko dahun ifiranṣẹ mi", "mo ti pe titi, ko si ẹni ti o dahun"),
        "service.rude_staff": ("oṣiṣẹ yin ni {area} bu mi",),
        "account.blocked": ("ẹ ti ti laini mi pa lai nidi", "mi o le lo nọmba mi mọ"),
        "fraud.scam_call": ("ẹnikan pe mi pe oun wa lati ọdọ yin, o beere PIN mi",),
        "fraud.unwanted_subscription": ("mi o beere fun iṣẹ yii, ẹ yọ ọ kuro",),
        "fraud.sim_swap": ("wọn ti ji nọmba mi, wọn si ko owo mi lọ",),
        "fraud.unauthorised_transaction": ("wọn yọ {amount} ninu apamọwọ mi laisi aṣẹ mi",),
        "billing.overcharge": ("ẹ gba {amount} lọwọ mi, o ti pọ ju",),
        "service.long_wait": ("mo duro ju wakati kan lọ ni ọfiisi yin ni {area}",),
        "account.login": ("mi o le wọle si app yin",),
        "account.sim_registration": ("mo ti forukọsilẹ SIM mi ni {area} ṣugbọn ko ṣiṣẹ",),
        "device.router_fault": ("rauta ti mo ra lọwọ yin ko ṣiṣẹ",),
        "device.sim_card": ("kaadi SIM mi ko ṣiṣẹ",),
        "other.praise": ("ẹ ṣeun, nẹtiwọki ni {area} ti dara",),
        "other.question": ("bawo ni mo ṣe le wo data to ku",),
    },
    "ibo": {
        "network.no_signal": ("enweghị netwọk ma ọlị na {area}", "ekwentị m anaghị enweta netwọk na {area}", "netwok adighi na {area}"),
        "network.slow_data": ("ịntanetị na-egbu oge nke ukwuu", "azụrụ m data {gb}GB mana ọ naghị arụ ọrụ", "data unu adịghị ọsọ na {area}"),
        "network.dropped_calls": ("oku na-ebepụ mgbe niile", "mgbe ọ bụla m kpọrọ oku, ọ na-ebepụ"),
        "network.outage": ("enweghị netwọk na {area} dum kemgbe ụtụtụ", "netwọk unu anwụọla na {area}", "anyị niile nọ na {area} enweghị ike ịkpọ oku", "kemgbe ụtụtụ oku na data akwụsịla na {area}"),
        "billing.unknown_deduction": ("unu wepụrụ ego m {amount} na-agwaghị m", "ego dị n'ekwentị m na-efu kwa ụbọchị", "onye were {amount} m"),
        "billing.recharge_failed": ("etinyere m kaadị {amount} mana ọ banyeghị", "ụlọ akụ ewepụla {amount} mana ahụghị m airtime"),
        "billing.refund": ("biko nyeghachinụ m ego m {amount}", "a ka m na-echere ego m"),
        "service.no_response": ("unu anaghị aza ozi m", "akpọrọ m ọtụtụ ugboro, onweghị onye zara"),
        "account.blocked": ("unu emechiela akara m n'enweghị ihe kpatara ya",),
        "fraud.scam_call": ("otu onye kpọrọ m sị na o si n'ebe unu nọ, na-ajụ PIN m",),
        "fraud.sim_swap": ("ndị ohi ewerela nọmba m, ha ewepụla ego m n'ụlọ akụ",),
        "fraud.unauthorised_transaction": ("ewepụrụ {amount} n'akpa ego m na-enweghị ikike m",),
        "fraud.unwanted_subscription": ("arịọghị m ọrụ a, biko wepụnụ ya",),
        "billing.overcharge": ("unu nara m {amount} karịrị ihe m kwesịrị ịkwụ",),
        "service.long_wait": ("echere m ihe karịrị otu elekere n'ụlọ ọrụ unu dị na {area}",),
        "service.rude_staff": ("onye ọrụ unu nọ na {area} kparịrị m",),
        "account.login": ("enweghị m ike ịbanye na app unu",),
        "device.router_fault": ("rawụta m zụtara n'aka unu anaghị arụ ọrụ",),
        "device.sim_card": ("kaadị SIM m anaghị arụ ọrụ",),
        "other.praise": ("daalụ, netwọk na {area} adịla mma",),
        "other.question": ("kedu ka m ga-esi hụ data fọdụrụ",),
    },
}  # fmt: skip

#: Language: (openers, ends).
FRAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pcm": (
        ("Abeg,", "Oga,", "Una well done o,", "See eh,", "Which kain thing be this,", "My people,", "E don do o,", "Hello,", "", "", ""),
        ("wetin una dey do sef", "abeg fix am", "I don tire", "na so una go dey do us", "make una do something", "I go port o", "e no good at all", "God dey", "help us abeg", "", "", ""),
    ),
    "hau": (
        ("Sannu,", "Don Allah,", "Barka da rana,", "Ina kwana,", "Assalamu alaikum,", "", ""),
        ("don Allah ku taimaka", "ku gyara mana", "wannan bai dace ba", "na gaji", "ina jiran amsa", "muna shan wahala", "zan bar layin ku", "", ""),
    ),
    "yor": (
        ("Ẹ jọ̀ọ́,", "Ẹ káàsán,", "E ku ise,", "Ẹ ku owurọ,", "", "", ""),
        ("ẹ jọwọ ẹ ba wa ṣe e", "o ti su mi", "kilode", "ẹ tete tun un ṣe", "eyi ko dara rara", "mo n duro de esi yin", "ẹ ran wa lọwọ", "", ""),
    ),
    "ibo": (
        ("Biko,", "Ndewo,", "Ezigbo mmadụ,", "Nnọọ,", "", "", ""),
        ("biko mezienụ ya", "ike agwụla m", "nke a adịghị mma", "nyerenụ anyị aka", "ana m eche azịza unu", "gịnị na-eme", "aga m agbanwe akara", "", ""),
    ),
}  # fmt: skip

#: Language: main category: what came of it; a category without any has none.
DETAILS: dict[str, dict[str, tuple[str, ...]]] = {
    "pcm": {
        "network": ("my business dey suffer", "I don off and on the phone, nothing change", "my neighbour own dey work fine", "since morning I never fit call my people", "na so e dey every night", "I climb roof still nothing"),
        "billing": ("I no do any subscription", "I get the debit alert for here", "na my transport money be that", "this one na the third time", "bank say una don collect am"),
        "service": ("I don do customer for una ten years o", "dem treat person like say we dey beg", "I waste my whole day", "nobody even say sorry"),
        "account": ("I carry all my paper come", "na this number my customers sabi", "my bank alert dey enter that line"),
        "device": ("I never use am reach two months", "I don reset am tire", "una shop say warranty no cover am"),
        "fraud": ("na school fees money be that", "I no give anybody my PIN", "I don report for police station", "una staff follow dey inside?"),
    },
    "hau": {
        "network": ("na kashe na kunna waya amma babu canji", "kasuwancina ya tsaya", "ba zan iya kiran iyalina ba"),
        "billing": ("ina buƙatar kuɗina", "ban yi amfani da komai ba", "wannan shi ne karo na uku"),
        "service": ("na dade ina amfani da layin ku", "na ɓata lokacina"),
        "fraud": ("ban ba kowa lambar sirri ba", "na kai ƙara wurin 'yan sanda"),
    },
    "yor": {
        "network": ("mo ti pa foonu mi mo si tan an, ko si ayipada", "iṣẹ mi ti duro", "mi o le pe ẹbi mi"),
        "billing": ("mo nilo owo mi", "mi o lo ohunkohun", "ẹẹkẹta niyi"),
        "service": ("mo ti pẹ pẹlu yin", "mo fi ọjọ mi ṣofo"),
        "fraud": ("mi o fun ẹnikẹni ni PIN mi", "mo ti sọ fun ọlọpaa"),
    },
    "ibo": {
        "network": ("agbanyụrụ m ekwentị m ma gbanye ya ọzọ, ihe agbanweghị", "ahịa m akwụsịla", "enweghị m ike ịkpọ ezinụlọ m"),
        "billing": ("achọrọ m ego m", "ejighị m ya mee ihe ọ bụla", "nke a bụ nke ugboro atọ"),
        "service": ("anọla m na netwọk unu ogologo oge", "efuru m ụbọchị m"),
        "fraud": ("enyeghị m onye ọ bụla PIN m", "agwala m ndị uwe ojii"),
    },
}  # fmt: skip

#: Language: how something personal is given; what is not here is said in English, as people do.
CUES: dict[str, dict[str, tuple[str, ...]]] = {
    "pcm": {"PHONE": ("abeg call me on", "my number na", "my line na"), "PERSON": ("my name na",)},
    "hau": {"PHONE": ("lambata ita ce", "ku kira ni a"), "PERSON": ("sunana",)},
    "yor": {"PHONE": ("nọmba mi ni", "ẹ pe mi lori"), "PERSON": ("orukọ mi ni",)},
    "ibo": {"PHONE": ("nọmba m bụ", "kpọọ m na"), "PERSON": ("aha m bụ",)},
}

#: Language: region: how much more often than elsewhere it is written there.
HOMES: dict[str, dict[str, float]] = {
    "pcm": {"Rivers": 2.0, "Edo": 2.0, "Lagos": 1.2},
    "hau": {"Kano": 14.0, "Kaduna": 12.0, "FCT": 5.0},
    "yor": {"Oyo": 14.0, "Lagos": 7.0},
    "ibo": {"Enugu": 16.0, "Rivers": 5.0, "Lagos": 2.0},
}
