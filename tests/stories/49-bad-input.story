# What must not come in, and leaves nothing behind. Beside it: 42-pushed (bodies, notices, units), 48-payments (signatures, amounts, orders,
# cancelled), tests/it/files.rs (addresses that lead inside or elsewhere, never end or are gone), tests/it/declared (slips in folders of data).

story: a pushed file that is no base64, or not what its name says, is refused; mended, the dossier comes whole
  with province
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy=JVBERi0x* -> -1 TepDonDangKy [base64]
  portal pushes addtthcKhuyenMai push.json with TenTepDonDangKy=don.png -> -1 TepDonDangKy [file-name]
  details none
  province heard 0 calls
  open 0
  portal pushes addtthcKhuyenMai push.json -> 0
  province heard 1 dossiers, 2 files, 0 repeated
  open 0

story: all files that are wrong are named at once, and the good one beside them is not kept for nothing
  with province
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy=JVBERi0x*, TaiLieuNop=[{"TenTepDinhKem":"phuluc.pdf","Base64":"JVBERi0xLjQK"},{"TenTepDinhKem":"anh.png","Base64":"JVBERi0xLjQK"}] -> -1 TepDonDangKy [base64]
  portal pushes addtthcKhuyenMai push.json with TepDonDangKy=JVBERi0x*, TaiLieuNop=[{"TenTepDinhKem":"phuluc.pdf","Base64":"JVBERi0xLjQK"},{"TenTepDinhKem":"anh.png","Base64":"JVBERi0xLjQK"}] -> -1 TaiLieuNop[1].Base64 [file-name]
  details none
  province heard 0 calls
  open 0

story: a file whose name says nothing is known by its content, and one without content is no file
  with province
  portal pushes addtthcKhuyenMai push.json with TenTepDonDangKy=null, TaiLieuNop=[] -> 0
  portal pushes addtthcKhuyenMai push.json with MaHoSo=G22.99-261123-000124, TepDonDangKy="", TaiLieuNop=[] -> 0
  province heard 2 dossiers, 1 files
  open 0

story: two files swap their contents with their names: both are named, nothing is half there after a restart
  with province
  portal pushes addtthcKhuyenMai push.json with TenTepDonDangKy=a.docx, TaiLieuNop=[{"TenTepDinhKem":"b.jpg","Base64":"JVBERi0xLjQK"}] -> -1 TaiLieuNop[0].Base64 [file-name]
  restart
  details none
  open 0
  portal pushes addtthcKhuyenMai push.json -> 0
  portal pushes addtthcKhuyenMai push.json -> 1
  province heard 1 dossiers, 2 files

story: PayGov: a callback with a wrong checksum, twice, and late after cancel
  with counter paygov
  counter asks start payment.json -> 200 https://paygov.example/pay/H99-
  paygov forges amount 1
  paygov calls 401 SIGNATURE_WRONG
  paygov forges amount 1
  paygov calls 401 SIGNATURE_WRONG
  counter asks cancel payment-named.json with reference=$reference -> 202
  paygov paid
  paygov calls 200 FAILED
  payments payment-opened, payment-cancelled, payment-alert
  counter told nothing
  dead-letters 0

story: a confirmed payment is told to the one-stop-shop whose entry asks for it, once, however often it is confirmed
  with counter payplat province ocps
  given province receives = ["payment-confirmed"]
  given ocps receives = ["payment-confirmed"]
  given ocps settings.confirmed_action = "1500"
  ocps know H99.14-261123-0007
  counter asks start payment.json -> 200
  payplat paid
  payplat calls 200 "MaLoi":"00"
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  counter heard 1 payments, 0 repeated
  province heard 1 confirmed
  ocps heard 1 actions
  open 0

story: whose entry does not ask for confirmed payments hears of none
  with counter payplat province
  counter asks start payment.json -> 200
  payplat paid
  payplat calls 200 "MaLoi":"00"
  counter heard 1 payments
  province heard 0 calls
  open 0

story: the one-stop-shop's answer to a confirmed payment is lost: a person looks, and it is not told twice
  with counter payplat province
  given province receives = ["payment-confirmed"]
  given province in_doubt = { default = "ask" }
  counter asks start payment.json -> 200
  province answers lost-after
  payplat paid
  payplat calls 200 "MaLoi":"00"
  after 1h
  province heard 1 confirmed
  dead-letters 1
  settle H99.14-261123-0007 happened
  province heard 1 confirmed
  open 0
