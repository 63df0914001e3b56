"""Words that look misspelt and are not."""

from __future__ import annotations

#: Nigerian English, Pidgin, and what slips into them from Hausa, Igbo and Yoruba.
_NIGERIAN = """
abeg abere abok afor agani agbero ajebo akara alhaji amala anyhow ashirin aunty baba babanla balling biko bros buda
chai chineke chop chops chuks clap comot comoto copper dake danfo dash dashed dodo egusi eleyi fada fashi figo fufu
garri gbam gbese gist gists goslow haba hanlele hapu hustle inukwa jaiye jand jare jollof jumo kabukabu kain kata keke
kobo koboko komot kuku kurukuru kwanu maga maka mallam malu mayu minna moin mumu naija nairas nawa nkwo ogbono okada
olodo otondo owambe oyinbo palava pidgin pigin pikin plenti puna sabi sabo sapa shakara sharp shebi suffer suya
tokunbo torori unto upandan wahala waka wayo weldone wetin whala wole wuruwuru yanga yarn yarns yeye zobo
"""

#: Places in Nigeria.
_PLACES = """
abakaliki abeokuta abuja accra adamawa agege ajah akure akwa alaba alimosho anambra apapa asaba awka badagry bauchi
bayelsa benin borno bwari calabar damaturu delta dutse ebonyi egbeda ekiti ekpoma enugu festac gombe gusau gwagwalada
gwarinpa ibadan ibeju ibom igando ijebu ikeja ikorodu ikotun ikoyi ilorin isolo jabi jalingo jigawa jimeta kaduna kano
karu katampe katsina kebbi keffi kogi kubwa kuje kwara lafia lagos lekki lokoja lugbe magodo maiduguri maitama makurdi
maryland mile mpape mushin nasarawa nnewi nsukka nyanya obalende offa ogba ogbomosho ogun ojodu ojota okene okota ondo
onitsha orile oshodi osogbo osun owerri oyingbo plateau portharcourt sagamu sapele sokoto suleja surulere taraba
ughelli umuahia warri wuse yaba yenagoa yobe yola zamfara zaria
"""

#: Telecoms, banks, airlines and apps, as people write them small.
_NAMES = """
accessbank aella airtel airtime alat amebo americanair awuf betanaija betatalk binance bonga bybit cliqlite cloudpbx
cowrywise dstv easyblaze easycliq ecobank etisalat eyowo fairmoney fiberone fibre fidelitybank firstbank flutterwave
fuliza glomifi glonet gotv gtbank gtworld hynetflex instagram interswitch ipnx jetblue jollofpaay jumia keystonebank
konga kuda kudabank lendigo mafab mastercard mifi migo momo moniepoint monnify moreblaze morecliq moretalk mpesa
mpulse netflix ninemobile ntel oganla okash okoa opay palmcredit palmpay paycom paypal paystack piggyvest pocketmoney
polarisbank postpaid prepaid providus quickcash quickteller ratel remita renmoney safaricom showmax smartconnect
smartrecharge smarttrybe sokoloan southwestair spectranet spotify stanbic starlink startimes sterlingbank supa
telegram tiktok tingg tizeti tmobile truecaller truetalk trustwallet tstv tunukiwa unionbank unitybank usairways
verizon verve virginamerica vodacom vodafone wema whatsapp wifi xfinity xtrabyte xtratalk xtratime xtravalue yakata
yellocard youtube zenithbank
"""

#: What the trade says.
_TRADE = """
autorenew callback callcentre cashback cashout chargeback chatbot debited dispense hotspot lowbalance netbanking
preauth rebook recharge reprocess roaming rollover simcard speedtest telco telcos topup unbanked unblock unlink ussd
wallet
"""

#: Chat.
_CHAT = """
afaik dunno enuf fone gimme gonna gotta haha hahaha hehe imma kinda lemme lmao lmfao lolz luvs morrow nite omfg outta
plss prolly rofl shoulda smfh sorta srsly thanx thnx thru tmrw tonite tysm wanna wassup whatcha whatevs woulda yall
yeah yesss yolo
"""

#: Lower case, of four letters and more.
PROTECTED = frozenset(" ".join((_NIGERIAN, _PLACES, _NAMES, _TRADE, _CHAT)).split())
