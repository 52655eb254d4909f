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

story: a step that never gets an answer is repeated five times in a day, then a person looks; it holds nothing
  relay sends dossier-recorded dossier.json -> 0
  # Of two look-ups in a row the first comes before its pause is over.
  portal answers lost-after ok lost-after ok ok lost-after ok ok lost-after ok ok lost-after ok ok lost-after ok
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  after 9m
  portal heard 3 steps
  after 2m
  portal heard 4 steps
  after 4h
  portal heard 5 steps
  dead-letters 0
  after 21h
  portal heard 6 steps
  dead-letters 1
  timeline accepted, queued, delivered, accepted, queued, peer-away, may-be-doubled, peer-back, retry, may-be-doubled, peer-away, peer-back, retry, may-be-doubled, peer-away, peer-back, retry, may-be-doubled, peer-away, peer-back, retry, may-be-doubled, peer-away, peer-back, in-doubt
  settle H99.14-261122-0001 happened
  open 0

story: a bare 500 says nothing: the step goes again, and the timeline says that it may be doubled
  relay sends dossier-recorded dossier.json -> 0
  portal answers 500
  relay sends dossier-progressed step.json with TrangThai=9 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, may-be-doubled, delivered
  portal heard 1 step
  open 0

story: a bare 500 to status 5 waits for an operator
  relay sends dossier-recorded dossier.json -> 0
  portal answers 500
  relay sends dossier-progressed step.json with TrangThai=5 -> 0
  after 5s
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, in-doubt
  dead-letters 1

story: an outage of bare 500 repeats nothing and never becomes a dead letter
  relay sends dossier-recorded dossier.json -> 0
  portal always 500
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  after 50h
  dead-letters 0
  open 2
  portal always ok
  after 2m
  portal heard 2 steps, 0 doubled
  open 0

story: a portal that takes look-ups and fails at every step for hours: nothing waits for a person, nothing is said every minute
  relay sends dossier-recorded dossier.json -> 0
  portal fail H99.14-261122-0001
  relay sends dossier-progressed step.json with TrangThai=4 -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  after 2h
  dead-letters 0
  portal accept H99.14-261122-0001
  after 3h
  portal heard 2 steps, 0 doubled
  dead-letters 0
  open 0

story: a step that waits for its next repetition holds nothing
  relay sends dossier-recorded dossier.json -> 0
  portal fail H99.14-261122-0001 nghẽn
  relay sends dossier-progressed step.json with TrangThai=4, NoiDungXuLy=nghẽn -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  after 1m
  portal steps H99.14-261122-0001 9
  portal is up
  portal accept H99.14-261122-0001
  after 10m
  portal steps H99.14-261122-0001 9, 4
  open 0
