# One dossier, one lane: its order holds, and no lane waits for another.

story: day one: a step of a dossier that the portal knows already
  portal know H99.14-261122-0001
  relay sends dossier-progressed step.json with TrangThai=9 -> 0
  portal steps H99.14-261122-0001 9
  timeline accepted, queued, delivered

story: day one: a step of a dossier that nobody knows waits, and goes after the dossier
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  timeline accepted, queued, held, accepted, queued
  # The portal is asked once, not once for each step.
  portal heard 1 call, 0 steps
  after 25h
  portal heard 1 call
  relay sends dossier-recorded dossier.json -> 0
  portal steps H99.14-261122-0001 4, 9
  open 0

story: steps wait for the dossier while the portal is away
  portal always 503
  relay sends dossier-progressed step.json with TrangThai=2 -> 0
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json with TrangThai=4, ThoiDiemXuLy=20261121100000 -> 0
  after 10m
  portal always ok
  after 1m
  portal steps H99.14-261122-0001 2, 4
  portal heard 1 create, 0 doubled

story: one stuck lane among a hundred moving ones
  portal fail H99.14-261123-1050
  relay sends 100 dossier-recorded dossier.json from H99.14-261123-1000 -> 0
  after 5m
  # Alone it looks like an outage; that others go while it does not is what tells.
  relay sends 100 dossier-progressed step.json from H99.14-261123-1000 -> 0
  after 5m
  portal heard 99 dossiers, 99 steps, 0 doubled
  portal is up
  dead-letters 0
  relay sends 20 dossier-recorded dossier.json from H99.14-261123-2000 -> 0
  # At once, not after a pause that the stuck one caused.
  portal heard 119 dossiers
  after 23h
  dead-letters 0
  after 2h
  dead-letters 1
  portal is up
  portal accept H99.14-261123-1050
  redeliver H99.14-261123-1050
  portal steps H99.14-261123-1050 2
  open 0

story: a stuck step no longer holds the next
  given simulator unclear_words = ["lạ"]
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json with TrangThai=4, NoiDungXuLy=lạ -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  portal heard 0 steps
  # 2, 4, 8, 16 seconds between five attempts.
  after 29s
  portal heard 0 steps
  after 2s
  portal steps H99.14-261122-0001 9
  dead-letters 0
  after 25h
  dead-letters 1

story: a newer snapshot takes the place of a waiting one; its deletions of files come along
  portal always 503
  relay sends dossier-recorded dossier-deleting.json with TrangThaiHoSo=2 -> 0
  relay sends dossier-progressed step.json -> 0
  relay sends dossier-recorded dossier-bare.json with TrangThaiHoSo=4 -> 0
  portal always ok
  after 1m
  portal heard 1 create, 0 updates, 1 deletions, 1 step
  portal status H99.14-261122-0001 4
  open 0

story: a snapshot that is at the portal is not called back by a newer one
  given portal answer_ms_max = 100
  portal answers slow
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2 -> 0
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  after 5s
  portal status H99.14-261122-0001 4
  portal heard 1 create, 1 update
  open 0
