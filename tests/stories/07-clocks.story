# The machine's clock is set while the gateway runs. Nothing waits for a time that was never true, nothing is lost or doubled, and the
# timeline says why its times are out of order.

story: a clock that ran seven hours ahead is set right while the portal is away
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  after 10m
  portal is away
  clock back 7h
  relay sends dossier-progressed step.json -> 0
  portal always ok
  after 2m
  portal is up
  open 0
  dead-letters 0
  portal heard 1 create, 1 step, 0 doubled
  timeline clock-set-back, accepted, queued, peer-back, delivered, delivered, accepted, queued, peer-away

story: a clock is set back while a message waits for its next try
  portal answers 429:3600 ok
  relay sends dossier-recorded dossier.json -> 0
  after 5m
  portal heard 1 call
  clock back 3h
  after 1m
  portal heard 2 calls, 1 dossier
  open 0

story: a clock jumps three days forward while the portal is away
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json -> 0
  after 10m
  clock forward 3d
  portal is away
  open 2
  dead-letters 0
  portal always ok
  after 2m
  open 0
  dead-letters 0
  portal heard 1 create, 1 step, 0 doubled

story: a clock is set back and forth while messages come
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=2 -> 0
  clock back 1h
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  clock forward 3h
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=9 -> 0
  open 0
  portal status H99.14-261122-0001 9
  portal heard 1 create, 2 updates

story: a clock that jumps over the portal's longest time makes its no no truer
  given portal settings.progress_list_field = "DanhSachTienDo"
  given portal processing_ms_max = 120000
  given simulator progress_list_field = "DanhSachTienDo"
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-before
  relay sends dossier-progressed step.json with TrangThai=5 -> 0
  after 5s
  clock forward 1h
  after 30s
  portal heard 0 steps
  after 2m
  portal heard 1 step, 0 doubled
  open 0
