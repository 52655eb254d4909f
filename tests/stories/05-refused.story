# What the portal will not take, and what becomes of everything behind it.

story: refused data, then a corrected snapshot
  given simulator refuse_words = ["sai dữ liệu"]
  relay sends dossier-recorded dossier.json with GhiChu=sai dữ liệu -> 0
  timeline accepted, queued, dead-letter
  dead-letters 1
  portal is up
  relay sends dossier-progressed step.json -> 0
  portal heard 0 steps
  relay sends dossier-recorded dossier.json with GhiChu=đã sửa -> 0
  portal status H99.14-261122-0001 2
  portal steps H99.14-261122-0001 2
  portal heard 1 create

story: a bad step does not hold the last one
  given simulator refuse_words = ["sai dữ liệu"]
  relay sends dossier-recorded dossier.json -> 0
  portal always 503
  relay sends dossier-progressed step.json with TrangThai=4, NoiDungXuLy=sai dữ liệu -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  relay sends dossier-progressed step.json with TrangThai=10, ThoiDiemXuLy=20261121150000 -> 0
  portal always ok
  after 1m
  portal steps H99.14-261122-0001 9, 10
  dead-letters 1
  open 1

story: an operator corrects a step, and another is given up
  given simulator refuse_words = ["sai dữ liệu"]
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json with TrangThai=4, NoiDungXuLy=sai dữ liệu -> 0
  dead-letters 1
  correct H99.14-261122-0001 work=Thẩm định hồ sơ
  portal steps H99.14-261122-0001 4
  timeline accepted, queued, delivered, accepted, queued, dead-letter, corrected, delivered
  relay sends dossier-progressed step.json with TrangThai=9, NoiDungXuLy=cũng sai dữ liệu -> 0
  discard H99.14-261122-0001 gửi nhầm
  open 0
  portal steps H99.14-261122-0001 4

story: an operator has it sent again after the portal was mended
  portal refuse H99.14-261122-0001
  relay sends dossier-recorded dossier.json -> 0
  redeliver H99.14-261122-0001
  dead-letters 1
  portal accept H99.14-261122-0001
  redeliver H99.14-261122-0001
  dead-letters 0
  portal status H99.14-261122-0001 2

story: an older snapshot that was refused never overtakes a newer one
  given simulator refuse_words = ["sai dữ liệu"]
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2, GhiChu=sai dữ liệu -> 0
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  redeliver H99.14-261122-0001
  portal status H99.14-261122-0001 4
  portal heard 1 create, 0 updates
  open 0

story: the caller sees the portal's own refusal
  given relay answer_wait_ms = 2000
  portal refuse H99.14-261123-0001
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> -1
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0002 -> 0
  portal heard 1 dossier

story: said again, what the portal refused is not called a success
  given relay answer_wait_ms = 2000
  portal refuse H99.14-261123-0001
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> -1
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> -1
  timeline accepted, queued, dead-letter, duplicate

story: what our own side lacks is no refusal, also for a caller that waits
  given relay answer_wait_ms = 2000
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=Chờ thẩm định -> 0
  timeline accepted, queued, dead-letter
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=Chờ thẩm định -> 0

story: the portal says nothing in time: the caller is told that it is accepted
  given relay answer_wait_ms = 100
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  portal always ok
  after 5s
  portal heard 1 dossier

story: a status word that no list knows waits for the list, and goes by itself when it is mended
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=Chờ thẩm định -> 0
  timeline accepted, queued, dead-letter
  restart
  dead-letters 1
  overlay mappings/portal/codes/status.yaml list: portal/status\ntitle: t\nsource: s\nvalues: { "1": "1", "2": "2", "3": "3", "4": "4", "5": "5", "6": "6", "7": "7", "8": "8", "9": "9", "10": "10", "Chờ thẩm định": "4" }\nunknown: hold\n
  restart
  timeline accepted, queued, dead-letter, offered-again, delivered
  portal status H99.14-261122-0001 4
  open 0

story: an arrival that our own list could not read is kept, and read anew when the list is mended
  overlay mappings/onestop/codes/status.yaml list: onestop/status\ntitle: t\nsource: s\nvalues: { "1": "1", "2": "2" }\nunknown: hold\n
  restart
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  timeline accepted, queued, dead-letter
  overlay mappings/onestop/codes/status.yaml list: onestop/status\ntitle: t\nsource: s\nvalues: { "1": "1", "2": "2", "4": "4" }\nunknown: hold\n
  restart
  portal status H99.14-261122-0001 4
  open 0

story: a word that was let in is read anew too when its list is mended
  given relay codes = { "onestop/status" = "onestop/status-opencps" }
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=appraising -> 0
  dead-letters 1
  overlay mappings/onestop/codes/status-opencps.yaml list: onestop/status-opencps\ntitle: t\nsource: s\nvalues: { "appraising": "4" }\nunknown: pass\n
  restart
  portal status H99.14-261122-0001 4
  open 0
