# A step counts each time it is said, so a lost answer is the one thing that cannot be settled by asking again.

story: the answer to a step is lost: it goes again, and the timeline says that it may be doubled
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after
  relay sends dossier-progressed step.json with TrangThai=9 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, may-be-doubled, delivered
  portal heard 2 steps, 1 doubled
  open 0

story: a page of HTML for a step is no answer either
  relay sends dossier-recorded dossier.json -> 0
  portal answers html
  relay sends dossier-progressed step.json with TrangThai=10 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, may-be-doubled, delivered
  portal steps H99.14-261122-0001 10

story: no answer in time to a step
  given portal answer_ms_max = 100
  relay sends dossier-recorded dossier.json -> 0
  portal answers slow
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, may-be-doubled, delivered

story: status 5 is not repeated: an operator says that it happened
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after
  relay sends dossier-progressed step.json with TrangThai=5 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, in-doubt
  dead-letters 1
  # It holds nothing.
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  portal steps H99.14-261122-0001 5, 9
  redeliver H99.14-261122-0001
  portal steps H99.14-261122-0001 5, 9
  settle H99.14-261122-0001 happened
  portal heard 2 steps, 0 doubled
  open 0

story: status 5 is not repeated: an operator says that it did not happen
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-before
  relay sends dossier-progressed step.json with TrangThai=5 -> 0
  after 5s
  dead-letters 1
  portal heard 0 steps
  settle H99.14-261122-0001 did-not
  portal steps H99.14-261122-0001 5
  open 0

story: a province may decide otherwise, by status
  given portal in_doubt = { default = "ask", 9 = "repeat" }
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  after 5s
  dead-letters 1
  portal answers lost-after
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  after 5s
  dead-letters 1
  portal heard 3 steps, 1 doubled

story: the portal shows its entries: what happened is not said again
  given portal settings.progress_list_field = "DanhSachTienDo"
  given simulator progress_list_field = "DanhSachTienDo"
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after
  relay sends dossier-progressed step.json with TrangThai=9 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, delivered
  portal heard 1 step, 0 doubled
  open 0

story: the portal shows its entries: its no counts only after its own longest time
  given portal settings.progress_list_field = "DanhSachTienDo"
  given portal processing_ms_max = 120000
  given simulator progress_list_field = "DanhSachTienDo"
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-before
  relay sends dossier-progressed step.json with TrangThai=5 -> 0
  after 1m
  portal heard 0 steps
  open 1
  dead-letters 0
  after 2m
  portal steps H99.14-261122-0001 5
  portal heard 0 doubled
  open 0

story: a step that never gets an answer stops being repeated after three times
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after ok lost-after ok lost-after ok lost-after ok lost-after ok
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  after 1h
  dead-letters 1
  portal heard 4 steps
  timeline accepted, queued, delivered, accepted, queued, peer-away, may-be-doubled, may-be-doubled, may-be-doubled, peer-back, in-doubt
  settle H99.14-261122-0001 happened
  open 0
