# What `lienthong demo` plays, through the real HTTP doors, against simulators: the portal's, the population database's, a carrier's, a
# subscriber's, the one-stop-shop's, the Payment Platform's and a declared system's. Titles, and what is told of each line before it is played: tiếng Việt | English.

story: 1. Một hồ sơ JSON đi hết đường: ghi nhận, các bước, trả kết quả | A JSON dossier all the way: recorded, steps, returned
  tell Phần mềm một cửa gửi hồ sơ 0001 bằng JSON; chỉ được trả lời «0» khi hồ sơ đã ghi bền vững | One-stop software sends dossier 0001 as JSON; it is answered "0" only once it is on disk
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0001 -> 0
  tell Gửi bước tiếp nhận của hồ sơ 0001 | It sends the first step of dossier 0001
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261122-0001 -> 0
  tell Gửi bước xử lý xong của hồ sơ 0001 | It sends the step that ends the work on dossier 0001
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261122-0001, TrangThai=9, ThoiDiemXuLy=20261121100000, NoiDungXuLy=Đã xử lý xong -> 0
  tell Gửi lại hồ sơ 0001 ở trạng thái đã trả kết quả | It sends dossier 0001 again, now with its result returned
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0001, TrangThaiHoSo=10, NgayKetThucXuLy=20261121100000, NgayTra=20261121150000 -> 0
  tell Kiểm tra: trên Cổng DVCQG, hồ sơ 0001 ở trạng thái 10 (đã trả kết quả) | Check: at the portal, dossier 0001 has status 10 (result returned)
  portal status H99.14-261122-0001 10
  tell Kiểm tra: Cổng DVCQG có đúng hai bước của hồ sơ 0001, theo thứ tự | Check: the portal has exactly two steps of dossier 0001, in order
  portal steps H99.14-261122-0001 2, 9

story: 2. Cũng nội dung ấy bằng XML | The same in XML
  tell Phần mềm dùng XML gửi hồ sơ 0002 | Software that speaks XML sends dossier 0002
  xml sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0002 -> 0
  tell Gửi bước tiếp nhận của hồ sơ 0002 bằng XML | It sends the first step of dossier 0002 as XML
  xml sends dossier-progressed step.json with MaHoSo=H99.14-261122-0002 -> 0
  tell Kiểm tra: Cổng DVCQG có bước của hồ sơ 0002 | Check: the portal has the step of dossier 0002
  portal steps H99.14-261122-0002 2

story: 3. Phần mềm chỉ đổi địa chỉ adapter, và gửi trùng một lần | Software that changed one address only, and says something twice
  tell Phần mềm vốn gọi thẳng Cổng DVCQG đăng nhập rồi gửi hồ sơ 0003 | Software made for the portal logs in and sends dossier 0003
  envelope sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0003 -> 0
  tell Phần mềm đó gửi trùng hồ sơ 0003 | It sends dossier 0003 once more
  envelope sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0003 -> 0
  tell Kiểm tra: lần gửi trùng được trả lời như lần đầu và không chuyển đi nữa | Check: the duplicate is answered as the first time and goes no further
  timeline H99.14-261122-0003 accepted, queued, delivered, duplicate

story: 4. Dữ liệu người gửi phải sửa thì bị từ chối, nói rõ từng trường | What the sender must mend is refused, field by field
  tell Gửi hồ sơ 0004 với ngày tiếp nhận không có thật: bị từ chối, nói rõ trường sai | Dossier 0004 comes with an impossible date: it is refused, and the field is named
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0004, NgayTiepNhan=20269999000000 -> -1 NgayTiepNhan
  tell Gửi lại hồ sơ 0004 đã sửa: được nhận | Dossier 0004 comes again, mended: it is taken
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0004 -> 0

story: 5. Cổng DVCQG mất kết nối: vẫn nhận hồ sơ, tự gửi khi Cổng hoạt động lại | The portal is away: dossiers are accepted, and go by themselves when it is back
  tell Cổng DVCQG ngừng hoạt động | The portal stops working
  portal always 503
  tell Hồ sơ 0005 vẫn được nhận và ghi bền vững | Dossier 0005 is taken all the same, and is on disk
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0005 -> 0
  tell Bước của hồ sơ 0005 cũng vậy | So is its step
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261122-0005 -> 0
  tell Chờ hai giây | Two seconds pass
  after 2s
  tell Cổng DVCQG hoạt động trở lại | The portal works again
  portal always ok
  tell Chờ sáu giây: không ai phải bấm gì | Six seconds pass: nobody has to press anything
  after 6s
  tell Kiểm tra: hồ sơ 0005 và bước của nó đã tự đến nơi, đúng thứ tự | Check: dossier 0005 and its step have arrived by themselves, in order
  timeline H99.14-261122-0005 accepted, queued, peer-away, accepted, queued, peer-back, delivered, delivered

story: 6. Câu trả lời bị mất: hồ sơ không bị ghi hai lần | An answer is lost: the dossier is not recorded twice
  tell Cổng DVCQG sẽ ghi nhận lần gọi tới nhưng câu trả lời bị mất trên đường | The portal will take the next call, but its answer gets lost on the way
  portal answers lost-after
  tell Gửi hồ sơ 0006 | Dossier 0006 is sent
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0006 -> 0
  tell Chờ sáu giây để cổng liên thông gửi lại cho chắc chắn | Six seconds pass, in which the gateway makes sure
  after 6s
  tell Kiểm tra: trên Cổng DVCQG, hồ sơ 0006 ở trạng thái 2 | Check: at the portal, dossier 0006 has status 2
  portal status H99.14-261122-0006 2
  tell Kiểm tra: sáu hồ sơ, mỗi hồ sơ chỉ được tạo một lần | Check: six dossiers, each created once
  portal heard 6 creates
  tell Kiểm tra: không còn thông điệp nào phải gửi | Check: nothing is left to be sent
  open 0

story: 7. Tra cứu công dân: có giấy phép mới được hỏi, câu hỏi nào cũng để lại dấu vết | A question about a citizen: only with a licence, and never without a trace
  with citizen database
  tell Cán bộ hỏi Cơ sở dữ liệu dân cư cho hồ sơ 0001: tìm thấy; tôn giáo, dân tộc không được cấp phép nên không cho biết | An officer asks the population database for dossier 0001: found; religion and ethnicity are not licensed, so not told
  citizen asks look-up question.json -> 200 "found", NGUYỄN VĂN THỬ, no religion, no ethnicity
  tell Hỏi với họ tên khác: «không tìm thấy», và không nói giá trị nào sai | Asked under another name: "not found", and not which value was wrong
  citizen asks look-up question.json with person.name=Trần Thị Mẫu -> 200 "not-found"
  tell Hỏi cho thủ tục không có giấy phép: bị từ chối tại chỗ | Asked for a procedure that nobody is licensed for: refused here
  citizen asks look-up question.json with procedure=2.000001 -> 403 licence.procedure
  tell Kiểm tra: cơ sở dữ liệu chỉ nhận hai câu hỏi | Check: only two questions reached the database
  database heard 2 calls
  tell Kiểm tra: nhật ký kiểm toán có đúng hai câu hỏi và còn nguyên vẹn | Check: the audit trail has these two questions, and is whole
  audit 2 questions

story: 8. Trả kết quả qua bưu chính: chỉ tin khi chính bưu chính xác nhận | A result goes by post: believed only when the carrier itself confirms
  with desk myvnpost subscriber
  tell Hồ sơ 0007 đã xử lý xong; công dân chọn nhận kết quả tại nhà | Dossier 0007 is done; the citizen wants the result brought home
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0007, TrangThaiHoSo=9, NgayKetThucXuLy=20261121100000 -> 0
  tell Phần mềm tại quầy đặt đơn gửi | The counter's software orders that it be sent
  desk orders order.json with dossier.code=H99.14-261122-0007 -> 202
  tell Kiểm tra: bưu chính có một đơn hàng | Check: the carrier has one order
  myvnpost heard 1 orders, 0 doubled
  tell Bưu chính đã gom bưu gửi | The carrier fetches it
  myvnpost advance H99.14-261122-0007/R1 6
  tell Bưu chính đã giao tận tay | The carrier hands it over
  myvnpost advance H99.14-261122-0007/R1 14
  tell Bưu chính gọi tới báo tin: lời báo không có gì chứng thực, nên chỉ là lý do để hỏi lại ngay | The carrier calls to say so: a call proves nothing, so it is a reason to ask at once
  myvnpost calls
  tell Kiểm tra: hỏi lại thì bưu chính xác nhận đã giao | Check: asked, the carrier confirms the hand-over
  stations H99.14-261122-0007 RETURN/1 PICKED_UP, RETURN/1 DELIVERED
  tell Kiểm tra: bên đăng ký được báo các thay đổi đã xác nhận, theo thứ tự | Check: the subscriber was told the confirmed changes, in order
  subscriber told CREATED, PICKED_UP, DELIVERED
  tell Kiểm tra: mỗi tin chỉ một lần, chữ ký đúng | Check: each of them once, and rightly signed
  subscriber heard 3 facts, 0 forged, 0 repeated
  tell Được báo tin, phần mềm một cửa ghi nhận đã trả kết quả | So the one-stop-shop records that the result was returned
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0007, TrangThaiHoSo=10, NgayKetThucXuLy=20261121100000, NgayTra=20261122090000 -> 0
  tell Kiểm tra: trên Cổng DVCQG, hồ sơ 0007 ở trạng thái 10 | Check: at the portal, dossier 0007 has status 10
  portal status H99.14-261122-0007 10
  tell Kiểm tra: không còn gì phải gửi | Check: nothing is left to be sent
  open 0

story: 9. Hồ sơ nộp trên Cổng DVCQG đi xuống một cửa, mã của một cửa đi lên Cổng | A dossier from the portal goes down to the one-stop-shop, whose own code goes up
  with province
  given province receives = ["dossier-submitted", "dossier-amended", "land-tax-noticed", "land-tax-paid", "payment-confirmed"]
  tell Cổng DVCQG chuyển xuống một hồ sơ mới kèm hai tệp; chỉ được trả lời «0» khi hồ sơ và tệp đã ghi bền vững | The portal pushes a new dossier with two files; it is answered "0" only once dossier and files are on disk
  portal pushes addtthcKhuyenMai push.json -> 0 đã tiếp nhận
  tell Kiểm tra: phần mềm một cửa của tỉnh đã có hồ sơ, cả hai tệp nguyên vẹn | Check: the one-stop-shop has the dossier, and both files whole
  province heard 1 dossiers, 2 files, 0 repeated
  tell Kiểm tra: mã hồ sơ do một cửa cấp đã được báo lên Cổng | Check: the code that the one-stop-shop gave it was told to the portal
  portal heard 1 answered
  tell Một cửa gửi tiếp hồ sơ ấy theo mã của mình | The one-stop-shop goes on under its own code
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261123-0001, TrangThaiHoSo=4 -> 0
  tell Kiểm tra: trên Cổng DVCQG, hồ sơ ở trạng thái 4 (đang xử lý) | Check: at the portal, the dossier has status 4 (being worked on)
  portal status H99.14-261123-0001 4
  tell Kiểm tra: tra theo mã nào cũng thấy cùng một dòng thời gian | Check: both codes find one timeline
  same G22.99-261123-000123 H99.14-261123-0001
  tell Cổng DVCQG chuyển lại hồ sơ ấy: trả lời «1», đã nhận từ trước | The portal pushes it once more: answered "1", known already
  portal pushes addtthcKhuyenMai push.json -> 1 đã nhận từ trước
  tell Kiểm tra: một cửa không phải nhận hai lần | Check: the one-stop-shop was not given it twice
  province heard 1 dossiers, 1 calls

story: 10. Thông báo thuế đất về hai hồ sơ, rồi chứng từ đã nộp | A land tax notice about two dossiers, and then the proof of payment
  tell Cổng DVCQG chuyển một thông báo thuế đất nêu hai hồ sơ | The portal pushes one land tax notice that speaks of two dossiers
  portal pushes nhantbthuedvcqg push-notice.json -> 0
  tell Kiểm tra: một cửa được báo riêng từng hồ sơ | Check: the one-stop-shop was told of each by itself
  province heard 2 notices
  tell Cổng DVCQG chuyển chứng từ nộp thuế của hồ sơ thứ nhất | The portal pushes the proof that the tax of the first was paid
  portal pushes nhanhsdvcqg push-paid.json -> 0
  tell Kiểm tra: một cửa đã có chứng từ | Check: the one-stop-shop has the proof
  province heard 1 payments

story: 11. Thanh toán trực tuyến: chỉ tin lời báo có chữ ký đúng, đúng số tiền | Paying online: only what is rightly signed, about the right amount, is believed
  with counter payplat
  tell Phần mềm tại quầy báo khoản phải nộp của hồ sơ 0007 | The counter's software says what is due for dossier 0007
  counter asks due fees.json with dossier.code=H99.14-261122-0007 -> 202
  tell Nền tảng thanh toán tra cứu khoản phải nộp | The Payment Platform wants to know what is due
  payplat asks-due H99.14-261122-0007
  tell Kiểm tra: được trả lời 50.000 đồng | Check: it is told 50,000 dong
  payplat calls 200 "SoTien":"50000"
  tell Công dân bấm thanh toán: phần mềm tại quầy nhận địa chỉ trang thanh toán | The citizen wants to pay: the counter's software is given the address of the page for it
  counter asks start payment.json with dossier.code=H99.14-261122-0007 -> 200 https://thanhtoan.example/pay/
  tell Có kẻ giả lời báo «đã thanh toán» | Somebody forges a call that says "paid"
  payplat forges MaLoi 00
  tell Kiểm tra: sai mã xác thực, bị từ chối | Check: its signature is wrong, and it is refused
  payplat calls 401 "MaLoi":"99"
  tell Kiểm tra: không ai được báo là đã thanh toán | Check: nobody is told that anything was paid
  counter told nothing
  tell Công dân thanh toán xong trên trang của nền tảng | The citizen pays on the Platform's page
  payplat paid
  tell Nền tảng gọi tới báo kết quả, có mã xác thực đúng | The Platform calls to say so, rightly signed
  payplat calls 200 "MaLoi":"00"
  tell Kiểm tra: khoản nộp đã mở rồi đã thanh toán, mỗi việc một lần | Check: the payment was begun and paid, each once
  payments H99.14-261122-0007 payment-opened, payment-paid
  tell Kiểm tra: phần mềm tại quầy được báo một lần | Check: the counter's software was told once
  counter heard 1 payments, 0 repeated
  tell Kiểm tra: phần mềm một cửa của tỉnh cũng vậy | Check: so was the one-stop-shop
  province heard 1 confirmed

story: 12. Một hệ thống chưa ai biết, kết nối bằng một thư mục dữ liệu | A system that nobody knew, connected by a folder of data
  with declared/ho-kinh-doanh
  given declared/ho-kinh-doanh units = ["000.00.12.H99"]
  tell Hồ sơ 0012 của đơn vị dùng hệ thống ấy | Dossier 0012 belongs to a unit that uses this system
  relay sends dossier-recorded dossier.json of 000.00.12.H99 with MaHoSo=H99.14-261122-0012 -> 0
  tell Kiểm tra: hệ thống ấy đã nhận hồ sơ, một lần | Check: that system took the dossier, once
  ho-kinh-doanh heard 1 taken, 0 doubled
  tell Hệ thống ấy gọi lại báo đang xử lý, theo cách nói của nó | That system calls back, in its own words: it is being worked on
  ho-kinh-doanh tells H99.14-261122-0012 WORKING
  tell Lời báo được nhận | Its call is taken
  ho-kinh-doanh calls
  tell Kiểm tra: Cổng DVCQG có bước xử lý ấy | Check: the portal has that step
  portal steps H99.14-261122-0012 4
  tell Kiểm tra: không còn gì phải gửi | Check: nothing is left to be sent
  open 0
