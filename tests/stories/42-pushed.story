# What comes down from the portal, and what the portal asks. Each story is named after what it mends in the field.

story: a dossier born on the portal reaches the province's software, and its own code is told back
  with province
  portal pushes addtthcKhuyenMai push.json -> 0 G22.99-261123-000123| đã tiếp nhận
  province heard 1 dossiers, 0 repeated
  portal heard 1 answered
  timeline accepted, accepted, queued, queued, delivered, delivered
  open 0

story: both codes find one timeline
  with province
  portal pushes addtthcKhuyenMai push.json -> 0
  # The software goes on under the code that it gave, and told back.
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=4 -> 0
  timeline G22.99-261123-000123 accepted, accepted, queued, queued, delivered, delivered, accepted, queued, delivered
  timeline H99.14-261123-0001 accepted, accepted, queued, queued, delivered, delivered, accepted, queued, delivered

story: pushed twice, it is one dossier and the second answer says so
  with province
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes addtthcKhuyenMai push.json -> 1 đã nhận từ trước
  province heard 1 dossiers, 1 calls
  portal heard 1 answered

story: a changed form under the same code is news, and the code is told back once
  with province
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes addtthcKhuyenMai push.json with DienThoai=0900000009 -> 0
  province heard 1 dossiers, 1 repeated, 2 calls
  portal heard 1 answered
  open 0

story: the answer to the push is lost between the software and us; it is given again, and there is one dossier
  with province
  province answers lost-after
  portal pushes addtthcKhuyenMai push.json -> 0
  after 1m
  province heard 1 dossiers, 1 repeated
  portal heard 1 answered
  open 0

story: the software is away for hours; the portal was answered at once, and nothing needs a person
  with province
  province always 503
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes addtthcKhuyenMai push.json with MaHoSo=G22.99-261123-000124 -> 0
  after 3h
  province is away
  province heard 0 dossiers
  restart
  province always ok
  after 2m
  province heard 2 dossiers
  portal heard 2 answered
  dead-letters 0
  open 0

story: zero is only said when it is on disk and somebody takes it
  # Nobody here takes what the portal pushes: nothing is accepted that nobody would ever be sent.
  portal pushes addtthcKhuyenMai push.json -> -1 chưa cấu hình hệ thống nào nhận
  open 0

story: the dossier goes to the software of the unit that it names, and to no other
  with province
  given province units = ["H99.14"]
  portal pushes addtthcKhuyenMai push.json with MaHoSo=H99.14-261123-0031 -> 0
  portal pushes addtthcKhuyenMai push.json with MaHoSo=H99.15-261123-0032 -> -1 H99.15
  # A code of the portal's own names no unit: the portal's entry says whose it is then, here nobody's.
  portal pushes addtthcKhuyenMai push.json -> -1 chưa cấu hình
  portal pushes addtthcKhuyenMai push.json with madonvi=H99.14 -> 0
  province heard 2 dossiers

story: a dossier without files, and of a procedure nobody knows, is a dossier
  with province
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy=null, TenTepDonDangKy=null, TaiLieuNop=null, MaTTHC="9.999999" -> 0
  province heard 1 dossiers
  open 0

story: bad bodies are told where they are wrong, all at once, and nothing of them is kept
  with province
  portal pushes addtthcKhuyenMai push.json with MaSoThue="" -> -1 MaSoThue [minLength]
  portal pushes addtthcKhuyenMai push.json with MaTTHC=null, NgayNopHoSo=hôm qua -> -1 NgayNopHoSo [date]
  portal pushes addtthcKhuyenMai push.json with MaHoSo=null -> -1 MaHoSo [required]
  portal pushes nhanhsdvcqg push-paid.json with data.ThongTinThanhToan.ThoiGianThanhToan=31/02/2026 -> -1 ThoiGianThanhToan [date]
  province heard 0 calls
  open 0

story: a push whose paper nobody can take says whose it is, and everything else that is wrong, and nothing of it is kept
  with province
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy="JVBE*", MaSoThue="" -> -1 G22.99-261123-000123| 1 tệp không nhận được
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy="JVBE*", MaSoThue="" -> -1 TepDonDangKy [base64]
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy="JVBE*", MaSoThue="" -> -1 MaSoThue [minLength]
  province heard 0 calls
  open 0

story: a land tax notice about two dossiers: each its own fate, one reply, and a repeat finds the good one known
  with province
  given province units = ["H99.14"]
  portal pushes nhantbthuedvcqg push-notice.json -> -1 không nhận 1/2 hồ sơ
  province heard 1 notices
  portal pushes nhantbthuedvcqg push-notice.json -> -1 H99.15-261110-0010|
  province heard 1 notices
  entry province units = ["H99.14", "H99.15"]
  portal pushes nhantbthuedvcqg push-notice.json -> 0
  portal pushes nhantbthuedvcqg push-notice.json -> 1
  province heard 2 notices
  open 0

story: a land tax notice with rows that name no dossier: they are refused by their place, the others are delivered, and a repeat says so again
  with province
  portal pushes nhantbthuedvcqg push-notice.json with data.FileThongBaoThue=PERBVEE+PEJPRFk+PFJPV19MSVNUPjxST1c+PE1BX0hTTz5IOTkuMTQtMjYxMTEwLTYwMDE8L01BX0hTTz48U09fVElFTj4xPC9TT19USUVOPjwvUk9XPjxST1c+PE1BX0hTTz48L01BX0hTTz48U09fVElFTj4yPC9TT19USUVOPjwvUk9XPjxST1c+PE1BX0hTTz5IOTkuMTQtMjYxMTEwLTYwMDM8L01BX0hTTz48U09fVElFTj4xPC9TT19USUVOPjwvUk9XPjwvUk9XX0xJU1Q+PC9CT0RZPjwvREFUQT4= -> -1 không nhận 1/3 hồ sơ, các hồ sơ còn lại đã được ghi (H99.14-261110-6001, H99.14-261110-6003): nội dung không đúng quy định: data.FileThongBaoThue.BODY.ROW_LIST.ROW[2].MA_HSO
  province heard 2 notices
  portal pushes nhantbthuedvcqg push-notice.json with data.FileThongBaoThue=PERBVEE+PEJPRFk+PFJPV19MSVNUPjxST1c+PE1BX0hTTz5IOTkuMTQtMjYxMTEwLTYwMDE8L01BX0hTTz48U09fVElFTj4xPC9TT19USUVOPjwvUk9XPjxST1c+PFNPX1RJRU4+MjwvU09fVElFTj48L1JPVz48Uk9XPjwvUk9XPjxST1c+PE1BX0hTTz5IOTkuMTQtMjYxMTEwLTYwMDM8L01BX0hTTz48U09fVElFTj4xPC9TT19USUVOPjwvUk9XPjwvUk9XX0xJU1Q+PC9CT0RZPjwvREFUQT4= -> -1 ROW[3].MA_HSO [required]
  province heard 2 notices
  # Nothing but white space names no dossier either.
  portal pushes nhantbthuedvcqg push-notice.json with data.FileThongBaoThue=PERBVEE+PEJPRFk+PFJPV19MSVNUPjxST1c+PE1BX0hTTz5IOTkuMTQtMjYxMTEwLTYwMDE8L01BX0hTTz48U09fVElFTj4xPC9TT19USUVOPjwvUk9XPjxST1c+PE1BX0hTTz4gIDwvTUFfSFNPPjwvUk9XPjwvUk9XX0xJU1Q+PC9CT0RZPjwvREFUQT4= -> -1 data.FileThongBaoThue.BODY.ROW_LIST.ROW[2] [dossier]
  # Mended and sent again: everything in it is known.
  portal pushes nhantbthuedvcqg push-notice.json with data.FileThongBaoThue=PERBVEE+PEJPRFk+PFJPV19MSVNUPjxST1c+PE1BX0hTTz5IOTkuMTQtMjYxMTEwLTYwMDE8L01BX0hTTz48U09fVElFTj4xPC9TT19USUVOPjwvUk9XPjwvUk9XX0xJU1Q+PC9CT0RZPjwvREFUQT4= -> 1 H99.14-261110-6001| đã nhận từ trước
  open 0

story: a notice with an entity from outside is not read, and says so
  with province
  portal pushes nhantbthuedvcqg push-notice.json with data.FileThongBaoThue=PCFET0NUWVBFIERBVEEgWzwhRU5USVRZIHggU1lTVEVNICJmaWxlOi8vL2V0Yy9wYXNzd2QiPl0+PERBVEE+Jng7PC9EQVRBPg== -> -1 body.doctype
  portal pushes nhantbthuedvcqg push-notice.json with data.FileThongBaoThue=không -> -1 base64
  province heard 0 calls
  open 0

story: proof of payment is passed on once, and says nothing of money here
  with province
  portal pushes nhanhsdvcqg push-paid.json -> 0 H99.14-261110-0009| đã tiếp nhận
  portal pushes nhanhsdvcqg push-paid.json -> 1
  province heard 1 payments

story: amendments come with addresses, each counts, and one lost answer is not made two
  with province
  given province in_doubt = { default = "ask" }
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes nhanhsdvcqg push-amended.json -> 0
  portal pushes nhanhsdvcqg push-amended.json with data.LyDoDieuChinh=Lần hai -> 0
  province heard 2 amendments
  province answers lost-after
  portal pushes nhanhsdvcqg push-amended.json with data.LyDoDieuChinh=Lần ba -> 0
  after 1h
  province heard 3 amendments
  dead-letters 1
  settle G22.99-261123-000123 happened
  open 0

story: refused in words that sound like a yes: nobody is told that it was taken
  with province
  province refuse G22.99-261123-000123
  portal pushes addtthcKhuyenMai push.json -> 0
  province heard 0 dossiers, 1 refused
  portal heard 0 answered
  dead-letters 1
  province accept G22.99-261123-000123
  redeliver G22.99-261123-000123
  province heard 1 dossiers
  portal heard 1 answered
  dead-letters 0

story: an amendment does not wait behind a dossier that was taken without a code
  with province
  province keep-its-code
  portal pushes addtthcKhuyenMai push.json -> 0
  portal heard 0 answered
  portal pushes nhanhsdvcqg push-amended.json -> 0
  province heard 1 dossiers, 1 amendments
  open 0

story: the portal asks about a dossier and is answered from what the one-stop-shop said last
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=2 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=4 -> 0
  # Also while the portal takes nothing itself: nobody else is asked.
  portal always 503
  portal pushes search/call search.json -> found "TrangThaiHoSo":"4"
  portal pushes search/call search.json with masohoso=H99.14-261123-0099 -> -1 không có hồ sơ mang mã này
  portal pushes search/call search.json with masohoso=null -> -1 mã hồ sơ

story: what the portal pushes by itself comes in by the same doors
  with province
  portal push submitted G22.99-261123-000777
  portal push amended G22.99-261123-000777
  portal push paid H99.14-261110-0009
  portal calls
  province heard 1 dossiers, 1 amendments, 1 payments

story: the software records the dossier under its own code before it has answered; both codes find one timeline all the same
  with province
  province always 503
  portal pushes addtthcKhuyenMai push.json -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=2 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261123-0001, TrangThai=2 -> 0
  province always ok
  after 5m
  province heard 1 dossiers
  portal heard 1 answered, 1 dossiers
  same G22.99-261123-000123 H99.14-261123-0001
  # What was said before is known, under the one code as under the other.
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261123-0001, TrangThai=2 -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=2 -> 0
  portal steps H99.14-261123-0001 2
  portal pushes search/call search.json with masohoso=G22.99-261123-000123 -> found "TrangThaiHoSo":"2"
  open 0

story: the software goes on while its answer to the push is lost; what it told since is not taken back
  with province
  province answers lost-after
  portal pushes addtthcKhuyenMai push.json -> 0
  relay sends dossier-answered answer.json with MaHoSo=G22.99-261123-000123, MaHoSoDonVi=H99.14-261123-0001, TrangThai=4 -> 0
  after 1m
  province heard 1 dossiers, 1 repeated
  portal told answers: 4
  same G22.99-261123-000123 H99.14-261123-0001
  open 0

story: an amendment that goes back to what it was before is news, and a repeat of the latest is none
  with province
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes nhanhsdvcqg push-amended.json -> 0
  portal pushes nhanhsdvcqg push-amended.json with data.ThongTinSuaDoi.ThoiGianKhuyenMaiDen=20260515000000 -> 0
  portal pushes nhanhsdvcqg push-amended.json -> 0
  portal pushes nhanhsdvcqg push-amended.json -> 1
  province heard 1 dossiers, 3 amendments
  open 0

story: the same dossier for another unit is for somebody else, and no repeat
  with province
  given province units = ["H99.14", "H99.15"]
  portal pushes addtthcKhuyenMai push.json with madonvi=H99.14 -> 0
  portal pushes addtthcKhuyenMai push.json with madonvi=H99.15 -> 0
  portal pushes addtthcKhuyenMai push.json with madonvi=H99.15 -> 1
  province heard 1 dossiers, 1 repeated
  open 0

story: a number that no list knows is passed on as text, as the same letters would be
  with province
  portal pushes nhanhsdvcqg push-paid.json with data.ThongTinThanhToan.TrangThaiThanhToan=9 -> 0
  province heard 1 payments
  dead-letters 0
  open 0

story: what follows a dossier goes where the dossier went, also where it names no unit
  with province
  given province units = ["H99.14"]
  portal pushes addtthcKhuyenMai push.json with madonvi=H99.14 -> 0
  portal pushes nhanhsdvcqg push-amended.json -> 0
  portal pushes nhanhsdvcqg push-amended.json with data.MaHoSoQG=G22.99-261123-000888 -> -1 chưa cấu hình
  province heard 1 dossiers, 1 amendments
  open 0
