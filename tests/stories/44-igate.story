# VNPT-iGATE: asked for what changed, and told of what others know.

story: what changed at iGATE reaches the portal, once
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  igate change H99.07-20261122-0000001 0
  igate change H99.07-20261122-0000002 2
  after 2m
  portal heard 2 dossiers, 0 doubled
  portal status H99.07-20261122-0000001 1
  portal status H99.07-20261122-0000002 4
  # Twice between two readings: a state takes the place of the one before.
  igate change H99.07-20261122-0000001 0
  igate change H99.07-20261122-0000001 2
  after 2m
  portal status H99.07-20261122-0000001 4
  portal heard 2 dossiers, 3 calls
  restart
  after 10m
  portal heard 3 calls
  open 0

story: the source is away for hours, its list is longer than a page, and a token ends in the middle: nothing is missed
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  given igate settings.page_size = 20
  igate changes 90 H99.07-20261122-1000 2
  igate always 503
  after 3h
  igate is away
  portal heard 0 calls
  igate changes 30 H99.07-20261122-1000 0
  igate expire-sessions
  igate always ok
  after 5m
  igate is up
  portal heard 90 dossiers, 0 doubled
  portal status H99.07-20261122-1000 1
  portal status H99.07-20261122-1089 4
  open 0

story: a page of the list is lost on the way; it is read again, and nothing counts twice
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  igate change H99.07-20261122-0000001 2
  igate answers lost-after html
  after 5m
  portal heard 1 dossiers, 1 calls
  open 0

story: one record that nobody can read stops no feed
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  igate bad-record
  igate change H99.07-20261122-0000001 2
  after 5m
  portal heard 1 dossiers
  igate is up

story: a state that no list knows is held, and goes by itself when the province has listed it
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  igate change H99.07-20261122-0000001 7 60f6364e09cbf91d41f88859
  after 2m
  portal heard 0 dossiers
  dead-letters 1
  overlay mappings/onestop/codes/status-igate.yaml list: onestop/status-igate\ntitle: T\nsource: mappings/onestop/SOURCE.md\nvalues: { "0": "1", "2": "4", "60f6364e09cbf91d41f88859": "5" }\nunknown: pass\n
  restart
  after 2m
  portal status H99.07-20261122-0000001 5
  dead-letters 0
  open 0

story: what is being worked on is a step, each once
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  given igate settings.steps = "tasks"
  igate work H99.07-20261122-0000001 Thẩm định
  after 5m
  igate change H99.07-20261122-0000001 2
  after 5m
  igate work H99.07-20261122-0000001 Ký duyệt
  after 5m
  portal steps H99.07-20261122-0000001 4, 4
  portal heard 1 dossiers, 0 doubled
  open 0

story: progress before iGATE has the dossier waits for it, and holds nothing else
  with igate
  given portal unit = "000.00.00.H99"
  relay sends dossier-progressed step.json with MaHoSo=G22.99-261122-000001, TrangThai=4 -> 0
  after 10m
  igate heard 0 step
  igate is up
  # Another dossier of the same agency goes its way.
  portal pushes addtthcKhuyenMai push.json -> 0
  igate heard 1 creates
  # One that it has, and we did not hand in, is looked up where that is allowed; the order stays.
  entry igate settings.look_up = "yes"
  igate change G22.99-261122-000001 0
  relay sends dossier-progressed step.json with MaHoSo=G22.99-261122-000001, TrangThai=9 -> 0
  igate heard 0 step
  redeliver G22.99-261122-000001
  igate told 4, 9

story: a dossier born on the portal reaches iGATE by its six steps, and its code there is told back
  with igate
  given portal unit = "000.00.00.H99"
  portal pushes addtthcKhuyenMai push.json -> 0
  # Two papers of one content are one file.
  igate heard 1 numbers, 1 uploads, 1 creates, 0 doubled, 1 log_ins
  portal heard 1 answered
  # The agency goes on under the code that iGATE gave: one dossier, one timeline.
  relay sends dossier-recorded dossier.json with MaHoSo=H99.07-20261122-0000001, TrangThaiHoSo=4 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.07-20261122-0000001, TrangThai=4 -> 0
  igate told 4
  timeline G22.99-261123-000123 accepted, accepted, queued, queued, delivered, delivered, accepted, queued, delivered, accepted, queued, queued, delivered, delivered
  timeline H99.07-20261122-0000001 accepted, accepted, queued, queued, delivered, delivered, accepted, queued, delivered, accepted, queued, queued, delivered, delivered
  open 0

story: a change on the portal comes with a paper by address; it is fetched, and the dossier handed in again under its number
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.files_endpoint = "igate"
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes nhanhsdvcqg push-amended.json with data.URLTepDangKy=http://provider.example/fi/file/1.pdf -> 0
  igate heard 1 numbers, 2 uploads, 2 creates, 0 doubled
  dead-letters 0
  open 0

story: the token ends in the middle of the six steps
  with igate
  given portal unit = "000.00.00.H99"
  igate answers ok 401
  portal pushes addtthcKhuyenMai push.json -> 0
  igate heard 2 log_ins, 1 numbers, 1 creates, 0 doubled
  portal heard 1 answered
  open 0

story: the answer to NoiHoSo is lost: a person looks, and no second dossier is made
  with igate
  given portal unit = "000.00.00.H99"
  igate answers ok ok lost-after
  portal pushes addtthcKhuyenMai push.json -> 0
  after 1h
  igate heard 1 creates, 0 doubled
  dead-letters 1
  portal heard 0 answered
  settle G22.99-261123-000123 happened
  igate heard 1 creates
  open 0

story: it did not happen, says the person: it goes again under the same number
  with igate
  given portal unit = "000.00.00.H99"
  igate answers ok ok lost-before
  portal pushes addtthcKhuyenMai push.json -> 0
  after 1h
  dead-letters 1
  settle G22.99-261123-000123 did-not
  igate heard 1 numbers, 1 creates, 0 doubled
  portal heard 1 answered
  open 0

story: where the search may be asked, a lost answer to NoiHoSo is read back, and the portal hears of the code
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.look_up = "yes"
  igate answers ok ok lost-after
  portal pushes addtthcKhuyenMai push.json -> 0
  after 10m
  igate heard 1 creates, 0 doubled
  portal heard 1 answered
  dead-letters 0
  open 0

story: iGATE is away for a day: nothing is lost, and nothing waits for a person
  with igate
  given portal unit = "000.00.00.H99"
  igate always html
  portal pushes addtthcKhuyenMai push.json -> 0
  after 26h
  igate is away
  dead-letters 0
  igate always ok
  after 2m
  igate heard 1 numbers, 1 creates
  portal heard 1 answered
  open 0

story: iGATE refuses a dossier: its correction shares the number
  with igate
  given portal unit = "000.00.00.H99"
  igate refuse Công ty TNHH Thử Nghiệm
  portal pushes addtthcKhuyenMai push.json -> 0
  dead-letters 1
  igate accept
  correct G22.99-261123-000123 applicant.name=Công ty TNHH Thử Nghiệm H99
  igate heard 1 numbers, 1 creates
  dead-letters 0
  open 0

story: what the post confirmed is a step at iGATE
  with igate desk myvnpost
  given igate settings.look_up = "yes"
  igate change H99.07-261001-0042 2
  desk orders order.json -> 202
  myvnpost advance H99.07-261001-0042/R1 14
  myvnpost calls
  after 1h
  igate told 9, 10

story: the answer to a correction is lost; that the dossier is there says nothing of the correction
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.look_up = "yes"
  portal pushes addtthcKhuyenMai push.json -> 0
  igate heard 1 creates
  igate answers lost-before
  portal pushes nhanhsdvcqg push-amended.json with data.URLTepDangKy=null -> 0
  after 1h
  igate heard 1 creates
  dead-letters 1
  settle G22.99-261123-000123 did-not
  igate heard 1 numbers, 2 creates, 0 doubled
  open 0

story: what is read again and has not changed leaves no trace, however often it is read
  with igate
  given portal unit = "000.00.00.H99"
  given igate settings.poll = "yes"
  given igate settings.steps = "tasks"
  relay sends dossier-recorded dossier.json with MaHoSo=H99.07-20261122-0000001, TrangThaiHoSo=2 -> 0
  igate work H99.07-20261122-0000001 Thẩm định
  after 2h
  timeline H99.07-20261122-0000001 accepted, queued, delivered, accepted, accepted, queued, queued, delivered, delivered

story: a step told under the code of iGATE before it has answered finds the dossier once it has
  with igate
  given portal unit = "000.00.00.H99"
  igate always 503
  portal pushes addtthcKhuyenMai push.json -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.07-20261122-0000001, TrangThaiHoSo=4 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.07-20261122-0000001, TrangThai=4 -> 0
  after 3h
  igate heard 0 step
  igate always ok
  after 5m
  igate heard 1 creates, 0 doubled
  igate told 4
  same G22.99-261123-000123 H99.07-20261122-0000001
  dead-letters 0
  open 0
