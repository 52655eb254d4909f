# What an operator stops, and what the configuration keeps back: nothing of it is lost, and the timeline says why it waited.

story: a paused portal is not called, over a restart; what came meanwhile goes out afterwards, oldest due date first
  given portal concurrency_max = 1
  pause portal
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, NgayHenTra=20261130170000 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0002, NgayHenTra=20261128170000 -> 0
  after 3h
  restart
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0003, NgayHenTra=20261124170000 -> 0
  after 2d
  portal heard 0 calls
  open 3
  dead-letters 0
  timeline H99.14-261123-0001 accepted, queued, peer-paused
  resume portal
  portal order 0003, 0002, 0001
  open 0
  timeline H99.14-261123-0001 accepted, queued, peer-paused, peer-resumed, delivered
  # What came later never waited for it.
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0004 -> 0
  timeline H99.14-261123-0004 accepted, queued, delivered

story: a pause in the middle of an outage costs nothing, and no probe goes out
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  after 10s
  portal heard 4 calls, 0 dossiers
  pause portal
  after 1h
  portal heard 4 calls, 0 dossiers
  portal always ok
  resume portal
  after 1m
  portal heard 1 dossier
  open 0

story: held: accepted and kept, not even translated; going live sends it
  given portal mode = "hold"
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json -> 0
  after 1h
  restart
  portal heard 0 calls
  details accepted, queued, peer-paused, accepted, queued
  entry portal mode = "live"
  portal heard 1 dossier, 1 step
  open 0

story: in the shadow everything is translated and checked, and nothing leaves; a mended mapping speaks before anything is sent
  given portal mode = "shadow"
  given portal on_live = "send"
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0002, TrangThaiHoSo=trang-thai-la -> 0
  portal heard 0 calls
  # What the portal could not have been told is known before the cut-over.
  dead-letters 1
  details H99.14-261122-0001 accepted, queued, peer-paused, translated, shadowed, accepted, queued, translated, shadowed
  # A start may bring mended mappings, so all of it is translated once more; and again when it is really sent.
  restart
  details H99.14-261122-0001 accepted, queued, peer-paused, translated, shadowed, accepted, queued, translated, shadowed, translated, translated, shadowed, shadowed
  entry portal mode = "live"
  portal heard 1 dossier, 1 step
  timeline H99.14-261122-0001 accepted, queued, peer-paused, shadowed, accepted, queued, shadowed, shadowed, shadowed, peer-resumed, delivered, delivered
  open 1

story: in the shadow the old way goes on telling the portal, so what was kept is given up; what came before that is sent
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  after 1m
  entry portal mode = "shadow"\non_live = "discard"
  portal always ok
  relay sends dossier-progressed step.json -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0002 -> 0
  after 1h
  portal heard 0 dossiers
  entry portal mode = "live"
  after 1m
  portal heard 1 dossier, 0 steps
  timeline H99.14-261122-0002 accepted, queued, peer-paused, shadowed, peer-resumed, discarded
  open 0

story: a question to a paused peer fails at once, and says so
  given database mode = "hold"
  with citizen database
  citizen asks look-up question.json -> 503 tạm ngừng
  database heard 0 calls
  audit 0 questions
