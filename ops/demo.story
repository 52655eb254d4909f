# What `lienthong demo` plays, through the real HTTP doors, against the portal's simulator. Titles, and what is told of
# each line before it is played: tiếng Việt | English.

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
