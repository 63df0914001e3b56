"""Function words and everyday words that tell Nigeria's languages and Swahili apart, and how much each tells.

Words are lower case without tone marks, dots or hooks, as most people type them. A word's tier is its log-odds:
`sure` words hardly occur elsewhere, `likely` ones seldom, `shared` ones belong to several languages. Words of
`decisive` turn a sentence that is otherwise English.
"""

from __future__ import annotations

_DECISIVE, _SURE, _LIKELY, _SHARED = 4.5, 3.0, 1.7, 0.7


def _tiers(sure: str, likely: str, shared: str, decisive: str = "") -> dict[str, float]:
    words = dict.fromkeys(shared.split(), _SHARED)
    words |= dict.fromkeys(likely.split(), _LIKELY) | dict.fromkeys(sure.split(), _SURE)
    return words | dict.fromkeys(decisive.split(), _DECISIVE)


#: Language to word to log-odds.
CUES = {
    "pcm": _tiers(
        "una deh sef oga pikin comot commot komot naim nawa joor jor jare sotey moni notin wahala unna gats gatz kasala "
        "mumu shebi shey neva nko goment gofment oda mata waka yeye naija oyinbo confam govnor happun kontri "
        "laik taim padi ogbonge shakara agbero gbege werey katakata palava tok tori wen",
        "di abi dis dat dem im don wan wit bin ehn ehen omo tey vex gist yarn gree den dose fone kain oo ooo oooo "
        "chai sapa japa tief shuo ontop kpai haba dere dos sha bros nor lef enta belle sey",
        "na chop am o e no fit say self make go come sake get tin for say how",
        "abeg abegi abeggi dey wey wetin sabi pesin pipo pipol peepol somtin sometin evritin everytin anytin "
        "anoda broda sista afta becos dia wia weda troway trowey wella pawa aproko",
    ),
    "hau": _tiers(
        "wannan wani wata wasu saboda domin kuma amma wanda wadda wadanda cikin akan daga zuwa wajen yadda yanzu "
        "jiya yau mutane mutum yara gida jihar gwamna gwamnan gwamnati shugaban shugaba majalisar sojoji zai zata "
        "zan zamu zasu zaku tana yana suna muna kuna yake suke muke ake yayi tayi nayi sukayi akayi anyi masu allah "
        "ubangiji wallahi gaskiya lafiya dadi sosai hakan haka kamar kawai abin abubuwa kudi kudina waya wayata layi "
        "layina sabis babu rashin samu gyara matsala matsalar taimako taimaka hakuri nagode godiya sannu malam "
        "yaushe menene dalilin inda wacce cewa yace tace zaman samun tafiya dawo nake kake kike bayan lokacin "
        "kafin tsakanin tare saka mutanen kasar arewa najeriya nijeriya yansanda duk dukkan kullum shekara "
        "matar mijin yarinya matashi sabon sabuwar irin musu masa mana muku insha shine kenan idan har don "
        "kira gani biya aiki aikin yin hakane ameen amin wadannan fadi fada ganin zama magana ranar banza iska "
        "yakamata kungiyar kotu zaben harin hukumar jamiyyar shekaru manyan "
        "kasashe shugabannin guda kirki dauki kamfanin kamfani cire saya sayi caji kudaden lambar lambata korafi amsa "
        "turo tura min aiko bashi bashin raina wallah ruwa sarki kasuwa asibiti yaro karatu makaranta taya zuciya "
        "zargin cutar daga harajin tattalin arzikin dalibai yawan wasan kuwa tabbas yaki jaki tausayi mallam "
        "dai kyau kina kowa akwai dole barka wlh gsky za'a zaa ashe wuta duniya kawo baka bamu yaci fatan mamaki karya "
        "ciki kaji kudin kana indai daya dama amfani sallah bawa kaya gaba gari laifi rai sake kasance nasara zabi",
        "mun sun kun ya ana ina ta ba ne ce sai ko mai shi ita aka tun safe wane wai kam toh fa ga ka ki "
        "bai bata ban son iya san dan yan rana dare mata maza gobe saka fara kashe kara nan kai ci yi wa da haba",
        "na a an can ku mu su ni sa so to ke kan",
    ),
    "yor": _tiers(
        "awon fun lati jowo ejowo nibi loni won ninu sugbon nitori nitoripe gbogbo naa kini nigbati nigba wipe olorun "
        "oluwa okunrin obinrin eniyan enia ojo odun osu owuro titi sibe tabi pelu lori labe leyin niwaju laarin sinu "
        "nipa pupo kekere daadaa daada bayi bayii bawo nibo kilode eleyi eyi yen yii iyen ohun nkan oruko orile "
        "ijoba aare gomina olopa olopaa iyawo egbon aburo adupe ekaaro ekaabo kaabo alafia ibukun patapata rara "
        "beeni gbigba gbogbogbo mofe nje mase maa oun iwo yin eyin emi awa omo baba owo wahala-mi ogbeni gangan "
        "yoruba ipinle ile-iwe ise tiwon temi tiwa tire wonyi kankan sise lowo lodo lowolowo gbe gbo gba "
        "ayafi bakan afi tori latari arakunrin arabinrin idibo asofin olori ikini ebi eko agbara eeyan egbe "
        "netiwoki netiwooki ayelujara ipe kaadi iranlowo yanju sanwo gbese pada eto onibara banki gbowo enikeni idunnu ileese "
        "agba ibi ojumo orun inu oja eran kii nii ogun omode agbaye",
        "mi ti ni ko si pe je mo fi lo wa ba fe ri ki bi se oju ori aye ara ile ilu ede oko ore igba akoko ale osan "
        "ola oni ana tele ati amo nla dara dun yi kan ran ese gan gidi ire ayo ku jade sun siwaju",
        "a o n e mu ma re de ka on lese die",
    ),
    "ibo": _tiers(
        "unu anyi ndi nke kedu gini ugbu nwere enweghi adighi dighi ahia ututu kemgbe nsogbu ndo imela dalu daalu "
        "onye onwe nwa nwanne nwoke nwanyi umu obodo chineke chukwu ukwuu mmadu madu uwa igbo gara bia kwuru "
        "kwuo okwu kwa nne nna nnaa nnam nnem abuo niile nile mgbe tupu maobu mobu obu bughi abughi anaghi naghi "
        "agaghi nyere nyem biko bikonu ozo ohuru ulo akwukwo nri mmiri igwe ekwenti netwok gooment onyeisi onyeisiala "
        "naijiria ekele ekelere jisie ihunanya ifunanya anya isi obi obim ahu tinye wee nweta nwetara karia ebea etu "
        "ngwa umuaka nmadu umunwanyi ndigbo eziokwu okwa ihe eji oge kpoo oru nwunye gburu kpochie mba mmehie "
        "egwu egbuo uno nkea ahun aputa choro acho achoro aturu otutu gaa oma amaka chim nwee ndu anwu anu ike "
        "agbakwala ewo odi aro mgba ndidi maka mana nwata nwatakiri gbara weputara kpatara gosiri anambra "
        "agwula enwere ezuola weghachi ikike emela kaadi ugwo mgbasa akuko kwesiri ogini ezigbo ife chere anyanwu "
        "nnukwu onu njem obara ekwensu amu ekene uto idi nwaada kpee zuru zuo gwa gwara ewepu wepu wepuru nkem mazi ebube gozie agozigo eme mma nma diri buru uzo kwuo rie",
        "ego ebe aka mere kpo taa si bu ha ga gi fa ala elu otu oku ime were nso afo ma nu nye asi dere ka ya ise ano",
        "na m o a i di n",
    ),
    "swa": _tiers(
        "kwa katika hii hiyo hizo huu sana yangu wangu langu zangu lakini kama ndiyo hapana bado leo jana tangu "
        "mtandao simu pesa tafadhali nina ninaomba siwezi watu mtu kwamba baada kabla wakati ambayo ambao "
        "nchi rais serikali kuwa alikuwa",
        "wa ya cha vya yao wao yake wake huyo huko hapa kila siku mimi wewe yeye sisi nini kwenye",
        "na ni la za",
    ),
}

#: English words that none of the languages above borrowed: one speaks against Hausa, Yoruba, Igbo and Swahili.
ENGLISH = frozenset(
    [
        "the",
        "and",
        "is",
        "are",
        "was",
        "were",
        "of",
        "with",
        "this",
        "that",
        "have",
        "has",
        "had",
        "not",
        "my",
        "your",
        "you",
        "it",
        "they",
        "from",
        "when",
        "since",
        "why",
        "because",
        "please",
        "can",
        "could",
        "will",
        "would",
        "still",
        "been",
        "but",
        "after",
        "on",
        "at",
        "be",
        "which",
        "there",
        "their",
        "about",
        "which",
        "what",
        "who",
        "how",
        "do",
        "does",
        "did",
        "just",
        "been",
        "more",
        "than",
        "very",
        "our",
        "his",
        "her",
        "its",
        "as",
        "by",
        "or",
        "if",
        "only",
        "all",
        "any",
        "some",
    ]
)

#: English words that Pidgin replaces: one speaks against Pidgin.
NOT_PIDGIN = frozenset(
    [
        "the",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "been",
        "their",
        "they",
        "them",
        "these",
        "those",
        "which",
        "would",
        "should",
        "does",
        "did",
        "its",
        "there",
        "his",
        "her",
        "from",
        "of",
        "will",
        "because",
        "that",
    ]
)
