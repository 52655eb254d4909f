# The main job: a dossier from the one-stop-shop reaches the portal.

story: a dossier and its steps reach the portal in order
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> 0
  timeline accepted, queued, delivered
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261123-0001, TrangThai=2 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261123-0001, TrangThai=4, ThoiDiemXuLy=20261120090000 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261123-0001, TrangThai=9, ThoiDiemXuLy=20261121090000 -> 0
  portal steps H99.14-261123-0001 2, 4, 9
  portal heard 4 calls, 1 dossier, 3 steps, 1 log-in
  open 0

story: the same said twice is taken once
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-recorded dossier.json -> 0
  timeline accepted, queued, delivered, duplicate
  portal heard 1 call, 1 create

story: an old state that comes again after a newer one is answered and not sent
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2 -> 0
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2 -> 0
  timeline accepted, queued, delivered, accepted, queued, delivered, late-repeat
  portal status H99.14-261122-0001 4

story: A, B, A is three states
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=5 -> 0
  after 20m
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  timeline accepted, queued, delivered, accepted, queued, delivered, accepted, queued, delivered
  portal status H99.14-261122-0001 4

story: a code that the portal knows already becomes an update
  portal know H99.14-261122-0001
  relay sends dossier-recorded dossier.json -> 0
  timeline accepted, queued, delivered
  portal heard 2 calls, 1 update
