# What has had its time goes by itself, and says so.

story: ninety days after its end a dossier keeps what happened and loses what was said; one that waits keeps all of it
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=10 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0002, TrangThaiHoSo=cho_ky_so -> 0
  dead-letters 1
  after 91d
  timeline H99.14-261123-0001 accepted, queued, delivered, purged
  timeline H99.14-261123-0002 accepted, queued, dead-letter
  dead-letters 1
