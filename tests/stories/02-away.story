# The portal is away and comes back. Nothing of it costs a delivery an attempt, and nobody restarts anything.

story: the portal is away for three hours; the backlog drains by itself, oldest due date first
  given portal concurrency_max = 1
  portal always 503
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, NgayHenTra=20261130170000 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0002, NgayHenTra=20261128170000 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0003, NgayHenTra=20261126170000 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0004, NgayHenTra=20261124170000 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0005, NgayHenTra=20261125170000 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0006, NgayHenTra=20261127170000 -> 0
  after 3h
  portal is away
  open 6
  dead-letters 0
  # One call, then one probe after 1, 2, 4, 8, 16 and 32 seconds and each further minute: none of them by every dossier.
  portal heard 185 calls, 0 dossiers
  portal always ok
  after 1m
  # Whichever was the probe is first: probes take turns, so that no single bad message can keep the portal away.
  portal order 0002, 0004, 0005, 0003, 0006, 0001
  portal is up
  portal heard 191 calls, 6 dossiers, 6 creates
  open 0
  timeline H99.14-261123-0003 accepted, queued, peer-away, peer-back, delivered

story: an outage to which even the log-in falls
  portal log-ins too
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json -> 0
  after 2h
  dead-letters 0
  portal heard 0 log-ins
  portal always ok
  after 1m
  portal heard 1 dossier, 1 step, 1 log-in
  open 0

story: a restart in the middle of an outage forgets nothing
  portal always 503
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json -> 0
  after 40m
  restart
  after 40m
  restart
  relay sends dossier-progressed step.json with TrangThai=4, ThoiDiemXuLy=20261120100000 -> 0
  portal always ok
  after 1m
  portal steps H99.14-261122-0001 2, 4
  portal heard 1 create, 0 doubled
  open 0

story: a step that was sent before is not sent once more by every probe of an outage
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after
  portal always html
  relay sends dossier-progressed step.json with TrangThai=9 -> 0
  after 3h
  # The portal has it already. While it cannot even be asked, it is not told again.
  portal steps H99.14-261122-0001 9
  portal always ok
  after 1m
  timeline accepted, queued, delivered, accepted, queued, peer-away, peer-back, may-be-doubled, delivered
  portal heard 2 steps, 1 doubled

story: too many requests: the portal is left alone as long as it asks
  portal answers 429:30 ok
  relay sends dossier-recorded dossier.json -> 0
  after 29s
  portal heard 1 call, 0 dossiers
  after 2s
  portal heard 2 calls, 1 dossier
  timeline accepted, queued, peer-away, peer-back, delivered

story: X-Road fails on the way
  portal answers x-road x-road ok
  relay sends dossier-recorded dossier.json -> 0
  after 5s
  timeline accepted, queued, peer-away, peer-back, delivered
  portal heard 3 calls, 1 create

story: a page of HTML for a dossier: sent again, and not created twice
  portal answers html-after ok
  relay sends dossier-recorded dossier.json -> 0
  after 5s
  timeline accepted, queued, peer-away, peer-back, delivered
  portal heard 1 create, 1 update
  portal status H99.14-261122-0001 2

story: no answer in time, and the dossier is there all the same
  given portal answer_ms_max = 100
  portal answers slow ok
  relay sends dossier-recorded dossier.json -> 0
  after 5s
  timeline accepted, queued, peer-away, peer-back, delivered
  portal heard 1 create, 1 update

story: the answer to an update is lost: the same state is given again, nothing is doubled
  relay sends dossier-recorded dossier.json -> 0
  portal answers lost-after
  relay sends dossier-recorded dossier.json with TrangThaiHoSo=4 -> 0
  after 5s
  portal heard 1 create, 2 updates, 1 dossier
  portal status H99.14-261122-0001 4

story: the connection breaks before the call arrived
  portal answers lost-before
  relay sends dossier-recorded dossier.json -> 0
  after 5s
  portal heard 1 create, 0 updates
  open 0

story: a step that the portal chokes on, alone on its way, holds the next one only until it was tried three times more
  relay sends dossier-recorded dossier.json -> 0
  portal busy H99.14-261122-0001 nghẽn
  relay sends dossier-progressed step.json with TrangThai=4, NoiDungXuLy=nghẽn -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121100000 -> 0
  # Probes after 1, 2 and 4 seconds are of the first step; it might be an outage.
  after 14s
  portal heard 5 calls, 0 steps
  portal is away
  # The next one is of the other step, 8 seconds later.
  after 2s
  portal steps H99.14-261122-0001 9
  portal is up
  dead-letters 0
  # The passed one goes later, as itself.
  portal accept H99.14-261122-0001
  after 1h
  portal steps H99.14-261122-0001 9, 4
  portal heard 0 doubled
  open 0
  timeline accepted, queued, delivered, accepted, queued, peer-away, accepted, queued, peer-back, passed, delivered, retry, delivered

story: of several steps that the portal chokes on, none holds the last one
  relay sends dossier-recorded dossier.json -> 0
  portal busy H99.14-261122-0001 nghẽn
  relay sends dossier-progressed step.json with TrangThai=2, NoiDungXuLy=nghẽn 1 -> 0
  relay sends dossier-progressed step.json with TrangThai=4, NoiDungXuLy=nghẽn 2, ThoiDiemXuLy=20261121100000 -> 0
  relay sends dossier-progressed step.json with TrangThai=5, NoiDungXuLy=nghẽn 3, ThoiDiemXuLy=20261121110000 -> 0
  relay sends dossier-progressed step.json with TrangThai=9, ThoiDiemXuLy=20261121120000 -> 0
  after 6m
  portal steps H99.14-261122-0001 9
  dead-letters 0

story: a dossier that the portal never took is not passed by its steps
  portal busy H99.14-261122-0001 Văn
  relay sends dossier-recorded dossier.json -> 0
  relay sends dossier-progressed step.json -> 0
  after 2h
  portal heard 0 dossiers, 0 steps
  open 2
  portal accept H99.14-261122-0001
  after 1m
  portal steps H99.14-261122-0001 2
  timeline accepted, queued, peer-away, accepted, queued, peer-back, delivered, delivered

story: a portal that says until when, as a date, is left alone until then by every dossier
  portal answers 503@600
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0002 -> 0
  after 9m
  portal heard 1 call, 0 dossiers
  after 2m
  portal heard 3 calls, 2 dossiers
  open 0

story: a portal that wants a day of peace has an hour
  portal answers 429:86400
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0002 -> 0
  after 59m
  portal heard 1 call, 0 dossiers
  after 2m
  portal heard 3 calls, 2 dossiers
  open 0
