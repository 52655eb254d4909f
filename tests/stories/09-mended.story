# What our own side lacked is accepted, held, and goes by itself once the file at fault is mended.

story: a local status word is held until the one-stop-shop's code list knows it
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0901, TrangThaiHoSo=cho_ky_so -> 0
  timeline accepted, queued, dead-letter
  dead-letters 1
  overlay mappings/onestop/codes/status.yaml list: onestop/status\ntitle: Trạng thái\nvalues:\n  "cho_ky_so": "4"\nunknown: pass\n
  restart
  timeline accepted, queued, dead-letter, offered-again, delivered
  portal status H99.14-261123-0901 4
  dead-letters 0
