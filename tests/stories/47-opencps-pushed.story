# What was submitted on the portal, brought to OpenCPS. Each story is named after what it mends in the field.

story: a dossier of the portal is submitted in OpenCPS with its papers, and its number is told back
  with ocps
  portal pushes addtthcKhuyenMai push.json -> 0
  ocps heard 1 dossiers, 2 files, 1 submitted, 0 refused
  portal heard 1 answered
  open 0

story: the answer to the publication is lost; there is one dossier and one submission
  with ocps
  ocps answers ok lost-after
  portal pushes addtthcKhuyenMai push.json -> 0
  after 2m
  ocps heard 1 dossiers, 1 submitted, 0 doubled
  portal heard 1 answered
  open 0

story: OpenCPS falls over at every call once, and nothing is doubled
  with ocps
  ocps answers 502 500 lost-before lost-after 503 500
  portal pushes addtthcKhuyenMai push.json -> 0
  after 1h
  ocps heard 1 dossiers, 1 submitted, 0 doubled
  portal heard 1 answered
  open 0

story: OpenCPS is away for a night; the portal was answered at once, and nothing needs a person
  with ocps
  ocps always 503
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes addtthcKhuyenMai push.json with MaHoSo=G22.99-261123-000124 -> 0
  after 10h
  ocps is away
  restart
  ocps always ok
  after 2m
  ocps heard 2 dossiers, 2 submitted
  portal heard 2 answered
  dead-letters 0
  open 0

story: a clerk gives the number later; the inform brings it, and the portal hears of it
  with ocps
  ocps numbers-later
  portal pushes addtthcKhuyenMai push.json -> 0
  ocps heard 1 dossiers, 1 submitted
  portal heard 0 answered
  ocps receives G22.99-261123-000123 H99.14-261123-0007
  ocps calls
  portal heard 1 answered
  # Both codes are one dossier from then on.
  ocps publishes H99.14-261123-0007 processing
  ocps calls
  timeline G22.99-261123-000123 accepted, queued, delivered, accepted, queued, delivered, accepted, queued, delivered
  open 0

story: another form under the same code is not written over a dossier that is being worked on
  with ocps
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes addtthcKhuyenMai push.json with DienThoai=0900000009 -> 0
  ocps heard 1 dossiers, 0 updates, 1 submitted
  dead-letters 1

story: a form that OpenCPS refused goes again as it was corrected
  with ocps
  ocps answers ok ok ok ok 422
  portal pushes addtthcKhuyenMai push.json -> 0
  dead-letters 1
  ocps heard 1 dossiers, 0 updates, 2 files, 0 submitted
  correct G22.99-261123-000123 applicant.name=Công ty TNHH Thử Nghiệm H99
  ocps heard 1 dossiers, 1 updates, 2 files, 1 submitted, 0 doubled
  portal heard 1 answered
  dead-letters 0
  open 0
