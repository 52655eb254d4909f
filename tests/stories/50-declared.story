# Systems that nobody here knows, connected by a folder of data (tests/fixtures/declared).

story: a register in SOAP is told of a dossier, with what the schemas behind its schema ask for
  with declared/so-dat-dai
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0501 -> 0
  so-dat-dai heard 1 calls, 1 taken, 0 doubled
  open 0

story: what a register in SOAP has already is not entered twice
  with declared/so-dat-dai
  so-dat-dai know H99.14-261122-0502
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0502 -> 0
  so-dat-dai heard 1 calls, 1 taken, 0 doubled
  open 0

story: the answer of a register in SOAP is lost; it is asked whether it has the dossier, and it has
  with declared/so-dat-dai
  so-dat-dai answers lost-after
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0503 -> 0
  after 5m
  so-dat-dai heard 2 calls, 1 taken, 0 doubled
  open 0
  dead-letters 0

story: the call to a register in SOAP is lost; it is asked twice, says no, and is told again
  with declared/so-dat-dai
  so-dat-dai answers lost-before
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0504 -> 0
  after 5m
  so-dat-dai heard 4 calls, 1 taken, 0 doubled
  open 0

story: a register in SOAP is away for hours, and nothing becomes a dead letter
  with declared/so-dat-dai
  so-dat-dai always 503
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0505 -> 0
  after 5h
  dead-letters 0
  so-dat-dai always ok
  after 2m
  so-dat-dai heard 1 taken, 0 doubled
  open 0

story: a status that no list of the register knows is held for a person, and the portal hears of it all the same
  with declared/so-dat-dai
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0506, TrangThaiHoSo=7 -> 0
  portal heard 1 dossier
  so-dat-dai heard 0 calls
  dead-letters 1

story: a REST service with OAuth takes a list of one and answers with a list
  with declared/ho-kinh-doanh
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0511 -> 0
  ho-kinh-doanh heard 1 taken, 0 doubled
  open 0

story: its session is forgotten in between: one log-in, and the dossier arrives once
  with declared/ho-kinh-doanh
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0512 -> 0
  ho-kinh-doanh expire-sessions
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0513 -> 0
  after 1m
  ho-kinh-doanh heard 2 taken, 0 doubled
  open 0

story: a repeatable call whose answer is lost is made again, and what it has is no trouble
  with declared/ho-kinh-doanh
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0514 -> 0
  ho-kinh-doanh answers lost-after
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0515 -> 0
  after 5m
  ho-kinh-doanh heard 2 taken, 0 doubled
  open 0

story: what it tells by calling goes on to the portal, and said again is known
  with declared/ho-kinh-doanh
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0516 -> 0
  ho-kinh-doanh tells H99.14-261122-0516 WORKING
  ho-kinh-doanh calls
  portal heard 1 dossier, 1 steps, 0 doubled
  ho-kinh-doanh tells H99.14-261122-0516 WORKING
  ho-kinh-doanh calls
  portal heard 1 dossier, 1 steps, 0 doubled
  open 0

story: what stands in its feed is read once, also after a restart
  with declared/ho-kinh-doanh
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0517 -> 0
  ho-kinh-doanh changed H99.14-261122-0517 WORKING
  ho-kinh-doanh changed H99.14-261122-0517 DONE
  after 2m
  portal heard 1 dossier, 2 steps, 0 doubled
  restart
  after 10m
  portal heard 1 dossier, 2 steps, 0 doubled
  open 0

story: a word of its own that no list knows is refused at its door, in its own envelope, and named
  with declared/ho-kinh-doanh
  ho-kinh-doanh tells H99.14-261122-0518 LOST
  ho-kinh-doanh calls 400
  portal heard 0 calls
  open 0

story: both at once, and each hears of each dossier in its own words
  with declared/so-dat-dai declared/ho-kinh-doanh
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0519 -> 0
  so-dat-dai heard 1 taken, 0 doubled
  ho-kinh-doanh heard 1 taken, 0 doubled
  portal heard 1 dossier
  open 0
