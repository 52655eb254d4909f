# Questions about citizens. Each story is named after what it mends in the field.

story: nobody is an answer, and it does not tell which of the three values was wrong
  with citizen database
  citizen asks look-up question.json with person.name=Trần Thị Mẫu -> 200 "not-found"
  citizen asks look-up question.json with person.identityNumber=001085000001 -> 200 as before
  citizen asks look-up question.json with person.birth.date=1985-01-03 -> 200 as before
  # Two more ways in which the database says it.
  database nobody
  citizen asks look-up question.json -> 200 as before
  database no-name
  citizen asks look-up question.json -> 200 as before
  audit 5 questions

story: one person is an object and two are a list: whoever reads it meets both, as the software has known them
  with citizen opencps database
  opencps asks qldc question-opencps.json -> 200 "CongDan":{
  database several
  opencps asks qldc question-opencps.json -> 200 "CongDan":[{
  citizen asks look-up question.json -> 200 "persons":[{
  database nobody
  opencps asks qldc question-opencps.json -> 200 "CongdanCollection":{}

story: 01 stays 01, and what was empty is empty: no number, no object, no null
  with citizen opencps database
  opencps asks qldc question-opencps.json -> 200 "MaTinhThanh":"01", "MaPhuongXa":"00000", no :null, "QuocTich":""
  database empty-elements
  opencps asks qldc question-opencps.json -> 200 "ThuongTru":{"MaTinhThanh":"","MaQuanHuyen":"", "GioiTinh":"", no :null
  database empty-elements
  citizen asks look-up question.json -> 200 "found", no permanentResidence, no "sex", no :null

story: districts were abolished, and somebody knows only the year of birth
  with citizen opencps database
  database no-district
  citizen asks look-up question.json -> 200 "found", "province":"01", no district
  database year-only
  citizen asks look-up question.json -> 200 "year":"1985", no "date"
  citizen asks look-up question.json with person.identityNumber=001150000000, person.name=H'Bia Niê Kđăm, person.birth={"year":"1950"} -> 200 H'BIA NIÊ KĐĂM

story: the letters u000a in place of line feeds, around a whole SOAP answer in a text
  with citizen database
  given database settings.profile = "p4"
  given database settings.app_name = "lienthong"
  given database settings.partner_code = "000.00.00.H99"
  given database keys.access-key = { file = "{folder}/portal.password" }
  given database keys.platform-key = { file = "{folder}/portal.password" }
  database letters-for-lines
  citizen asks look-up question.json -> 200 "found", no u000a

story: relatives are structures in the older interface and texts in the newer one
  with citizen database
  given licence fields = ["name", "father"]
  given licence codes = ["037"]
  citizen asks look-up question.json -> 200 NGUYỄN VĂN MẪU CHA
  database structures
  citizen asks look-up question.json -> 200 as before
  database structures
  citizen asks verify-kin question.json -> 200 NGUYỄN VĂN MẪU CHA

story: an answer about somebody else is no answer
  with citizen database
  database mismatch
  citizen asks look-up question.json -> 502 population.mismatch, no 001099999999
  citizen asks look-up question.json -> 200 "found"

story: whatever layer it is that says no, the caller is told which
  with citizen database
  database soap-fault
  citizen asks look-up question.json -> 503 population.soap-fault
  database wso2-xml
  citizen asks look-up question.json -> 502 population.api-manager
  database wso2-json
  citizen asks look-up question.json -> 502 population.forbidden
  database throttled
  citizen asks look-up question.json -> 503 population.throttled
  database xroad
  citizen asks look-up question.json -> 503 population.x-road
  database lgsp
  citizen asks look-up question.json -> 502 population.lgsp
  database error-code
  citizen asks look-up question.json -> 502 population.error-code
  database html
  citizen asks look-up question.json -> 502 population.html
  database garbage
  citizen asks look-up question.json -> 502 population.unreadable
  database doctype
  citizen asks look-up question.json -> 502 population.unreadable
  # None of them was asked twice: each had an answer.
  database heard 10 calls
  audit 10 questions

story: asked once more only where no byte came back
  with citizen database
  database answers lost-before
  citizen asks look-up question.json -> 200 "found"
  database heard 2 calls
  database answers lost-before lost-before
  citizen asks look-up question.json -> 503 peer.silent
  database heard 4 calls
  database answers 503
  citizen asks look-up question.json -> 503 population.busy
  database heard 5 calls
  # Two calls are one question still.
  audit 3 questions

story: the platform forgot our token, and nobody at the screen hears of it
  with citizen database
  given database settings.profile = "p5"
  given database keys.consumer-key = { file = "{folder}/portal.password" }
  given database keys.consumer-secret = { file = "{folder}/portal.password" }
  citizen asks look-up question.json -> 200 "found"
  citizen asks look-up question.json -> 200 "found"
  database heard 1 log-ins
  database expire-tokens
  citizen asks look-up question.json -> 200 "found"
  database heard 2 log-ins

story: what no licence allows never leaves, in the codes that the software knows
  with citizen opencps database
  given licence officers = ["canbo.thu"]
  opencps asks qldc question-opencps.json with MaDVC=null -> 400 "001"
  opencps asks qldc question-opencps.json with StaffEmail=null -> 400 "003"
  opencps asks qldc question-opencps.json with MaDVC=2.000001 -> 400 "004"
  opencps asks qldc question-opencps.json with StaffEmail=canbo.khac -> 400 "005"
  citizen asks look-up question.json with dossier=null -> 403 licence.no-dossier
  database heard 0 calls
  audit 0 questions

story: an officer's name is believed of a system that signs its officers in, and of nobody else
  with citizen opencps database
  given citizen may_assert_officers = false
  citizen asks look-up question.json -> 403 licence.no-officer
  opencps asks qldc question-opencps.json -> 200 "CongDan"
  audit 1 questions

story: religion, ethnicity, blood group and kin are told to nobody who is not licensed for them
  with citizen opencps database
  citizen asks look-up question.json -> 200 "found", no religion, no ethnicity, no bloodGroup, no father, no spouse
  # The software reads these fields; they are there, and empty.
  opencps asks qldc question-opencps.json -> 200 "TonGiao":"", "DanToc":"", "NhomMau":"", no MẪU CHA

story: where yes or no is enough, nothing else can be asked
  with citizen database
  given licence operations = ["verify-citizen"]
  citizen asks verify question.json -> 200 "match"
  citizen asks verify question.json with person.name=Trần Thị Mẫu -> 200 "no-match"
  citizen asks look-up question.json -> 403 licence.procedure
  database heard 2 calls

story: a number in an address stands in every log on the way: it is turned away
  with citizen database
  citizen asks look-up?cccd=001085000000 question.json -> 400 question.identity-in-url
  citizen asks look-up?hoVaTen=thu question.json -> 400 question.identity-in-url
  audit 0 questions

story: whoever goes through numbers is slowed down, and not the officer beside
  with citizen database
  given questions per_minute_max = 3
  citizen asks verify question.json -> 200 "match"
  citizen asks verify question.json with person.identityNumber=001085000001 -> 200 "no-match"
  citizen asks verify question.json with person.identityNumber=001085000002 -> 200 "no-match"
  citizen asks verify question.json with person.identityNumber=001085000003 -> 429 question.throttled
  citizen asks verify question.json with officer.account=canbo.khac -> 200 "match"
  after 1m
  citizen asks verify question.json -> 200 "match"
  audit 5 questions

story: names are taken as people write them, in small letters and with doubled spaces; a number is never mended
  with citizen database
  citizen asks look-up question.json with person.name=nguyễn  văn   thử -> 200 "found"
  citizen asks look-up question.json with person.identityNumber=001190000000, person.name=TRẦN THỊ MẪU, person.birth.date=1990-12-31 -> 200 "found"
  citizen asks look-up question.json with person.identityNumber="001085 000000" -> 400 person.identityNumber
  citizen asks look-up question.json with person.identityNumber="٠٠١٠٨٥٠٠٠٠٠٠" -> 400 person.identityNumber

story: software that speaks SOAP asks as its description says, and is told in its own terms
  with soap database
  soap asks TraCuuCongDan question-soap.xml -> 200 <KetQua>found</KetQua>, <SoDinhDanh>001085000000</SoDinhDanh>, no TonGiao
  soap asks TraCuuCongDan question-soap.xml with SoDinhDanh=001085000001 -> 200 <KetQua>not-found</KetQua>
  # What no licence allows is a fault of its own, and leaves neither here nor there.
  soap asks TraCuuCongDan question-soap.xml with MaDVC=2.000001 -> 500 licence.procedure, faultcode
  database html
  soap asks TraCuuCongDan question-soap.xml -> 500 population.html, faultcode
  database heard 3 calls
  audit 3 questions

story: an officer with a key of their own asks under that name, whatever the software writes
  with citizen opencps database
  given officers citizen = canbo.khoa
  given citizen may_assert_officers = false
  given licence officers = ["canbo.khoa"]
  citizen asks verify question.json with officer.account=canbo.khac -> 200 "match"
  citizen asks verify question.json with officer=null -> 200 "match"
  # The same name as another system's mere word is an officer too; one that is not on the list is none.
  opencps asks qldc question-opencps.json with StaffEmail=canbo.khoa -> 200 "CongDan"
  opencps asks qldc question-opencps.json -> 400 "005"
  audit 3 questions

story: a licence whose list of officers is empty lets nobody ask
  with citizen database
  given licence officers = []
  citizen asks verify question.json -> 403 licence.officer
  database heard 0 calls

story: whoever goes through numbers without haste is reported, once, and nobody is stopped
  with citizen database
  given questions numbers_per_hour_alarm = 2
  citizen asks verify question.json -> 200 "match"
  citizen asks verify question.json with person.identityNumber=001085000001 -> 200 "no-match"
  # The same number again is no other number, and another officer is another officer.
  citizen asks verify question.json -> 200 "match"
  citizen asks verify question.json with person.identityNumber=001085000002, officer.account=canbo.khac -> 200 "no-match"
  alarms many-numbers 0
  after 10m
  citizen asks verify question.json with person.identityNumber=001085000002 -> 200 "no-match"
  alarms many-numbers 1
  citizen asks verify question.json with person.identityNumber=001085000003 -> 200 "no-match"
  alarms many-numbers 1
  # An hour later it is news again.
  after 61m
  citizen asks verify question.json with person.identityNumber=001085000004 -> 200 "no-match"
  citizen asks verify question.json with person.identityNumber=001085000005 -> 200 "no-match"
  citizen asks verify question.json with person.identityNumber=001085000006 -> 200 "no-match"
  alarms many-numbers 2
