# What else goes up to the portal, and what citizens are told. Each story is named after what it mends in the field.

story: the answer about a dossier born on the portal goes up from software behind a wrapper, 11 for refused where the portal of that province wants it
  given portal codes."portal/answer-status" = "portal/answer-status-td"
  relay sends dossier-answered answer.json -> 0
  relay sends dossier-answered answer.json with TrangThai=3, NoiDung=Không đủ điều kiện -> 0
  portal heard 2 calls, 2 answered, 1 log-in
  portal told answers: 2, 11
  xml sends dossier-answered answer.json with TrangThai=10, NoiDung=Đã trả kết quả -> 0
  portal told answers: 2, 11, 10

story: who holds the receipt is told how the dossier stands, and nothing of a person
  with kiosk printer
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  kiosk looks up H99.14-261122-0001 by receipt -> 200 "statusName":"Đang xử lý", "dueAt":", no Nguyễn, no 0010850, no @
  relay sends dossier-progressed step.json with TrangThai=9 -> 0
  kiosk looks up H99.14-261122-0001 by receipt -> 200 "status":"9", Nhận kết quả

story: a code that was copied from paper in small letters finds its dossier
  with kiosk printer
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  kiosk looks up h99.14-261122-0001 by receipt -> 200 "statusName":"Đang xử lý"

story: a dossier born on the portal is looked up by what was told of it, before its software has recorded it
  with kiosk printer province
  portal pushes addtthcKhuyenMai push.json -> 0
  relay sends dossier-answered answer.json with MaHoSo=G22.99-261123-000123, TrangThai=4 -> 0
  kiosk looks up G22.99-261123-000123 by receipt -> 200 "status":"4"

story: a wrong receipt code and a dossier that there is not are answered alike, and guessing ends soon
  with kiosk printer
  given lookups wrong_codes_per_hour_max = 3
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2 -> 0
  kiosk looks up H99.14-261122-0001 by 00000000 -> 404 lookup.unknown
  kiosk looks up H99.14-261122-0002 by 00000000 -> 404 as before
  kiosk looks up H99.14-261122-0002 by receipt -> 404 as before
  kiosk looks up H99.14-261122-0001 -> 400 X-Receipt-Code
  kiosk looks up h99.14-261122-0001 by 00000001 -> 404 lookup.unknown
  kiosk looks up H99.14-261122-0001 by 00000002 -> 404 lookup.unknown
  kiosk looks up H99.14-261122-0001 by receipt -> 429 lookup.throttled
  after 1h
  kiosk looks up H99.14-261122-0001 by receipt -> 200 Được tiếp nhận
  # What prints receipts may ask for codes, and for nothing else.
  printer looks up H99.14-261122-0001 by 00000000 -> 403 auth.wrong-door

story: the national catalogue is pulled at night, what changed is counted, and an empty answer changes nothing
  given catalogues peers = ["portal"]
  after 10m
  catalogue portal procedures 2 entries, 0 changes
  portal publish 1.009999 Thủ tục mới
  portal withdraw 9.000001
  after 1d
  catalogue portal procedures 2 entries, 2 changes
  portal publish-nothing
  after 1d
  catalogue portal procedures 2 entries, 2 changes
  # What came to nothing is tried again the same night.
  portal publish-all
  portal publish 1.009999 Thủ tục mới, tên khác
  after 2h
  catalogue portal procedures 2 entries, 3 changes

story: an outage at night is no reason to be without a catalogue for a day
  given catalogues peers = ["portal"]
  portal always 503
  after 30m
  catalogue portal procedures none
  portal always ok
  after 30m
  catalogue portal procedures 2 entries, 0 changes

story: satisfaction and answers go up, and what citizens ask comes down once
  with subscriber
  given subscriber receives = ["inquiry-received"]
  given portal settings.inquiries = true
  relay sends satisfaction-reported satisfaction.json -> 0
  relay sends satisfaction-reported satisfaction.json -> 0
  envelope sends satisfaction-reported satisfaction.json with NgayTongHop=10-2026 -> 0
  relay sends inquiry-answered inquiry.json -> 0
  relay sends inquiry-published inquiry.json -> 0
  portal heard 4 reported
  portal inquire 900101 Hồ sơ thử nghiệm cần giấy tờ gì?
  after 1h
  after 1h
  subscriber told types: inquiry.received
  subscriber heard 1 facts, 0 repeated
  open 0

story: the monitoring system is away for a day, and nobody waits for it
  with emc
  emc always 503
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0002, TrangThaiHoSo=4 -> 0
  portal heard 2 calls, 2 dossiers
  emc heard 0 event
  after 1d
  emc always ok
  after 5m
  emc heard 2 event
  emc told 1, 2
  open 0
