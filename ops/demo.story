# What `lienthong demo` plays, through the real HTTP doors, against the portal's simulator. Titles: tiếng Việt | English.

story: 1. Một hồ sơ JSON đi hết đường: ghi nhận, các bước, trả kết quả | A JSON dossier all the way: recorded, steps, returned
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0001 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261122-0001 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261122-0001, TrangThai=9, ThoiDiemXuLy=20261121100000, NoiDungXuLy=Đã xử lý xong -> 0
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0001, TrangThaiHoSo=10, NgayKetThucXuLy=20261121100000, NgayTra=20261121150000 -> 0
  portal status H99.14-261122-0001 10
  portal steps H99.14-261122-0001 2, 9

story: 2. Cũng nội dung ấy bằng XML | The same in XML
  xml sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0002 -> 0
  xml sends dossier-progressed step.json with MaHoSo=H99.14-261122-0002 -> 0
  portal steps H99.14-261122-0002 2

story: 3. Phần mềm chỉ đổi địa chỉ adapter, và gửi trùng một lần | Software that changed one address only, and says something twice
  envelope sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0003 -> 0
  envelope sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0003 -> 0
  timeline H99.14-261122-0003 accepted, queued, delivered, duplicate

story: 4. Dữ liệu người gửi phải sửa thì bị từ chối, nói rõ từng trường | What the sender must mend is refused, field by field
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0004, NgayTiepNhan=20269999000000 -> -1 NgayTiepNhan
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0004 -> 0

story: 5. Cổng DVCQG mất kết nối: vẫn nhận hồ sơ, tự gửi khi Cổng hoạt động lại | The portal is away: dossiers are accepted, and go by themselves when it is back
  portal always 503
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0005 -> 0
  relay sends dossier-progressed step.json with MaHoSo=H99.14-261122-0005 -> 0
  after 2s
  portal always ok
  after 6s
  timeline H99.14-261122-0005 accepted, queued, peer-away, accepted, queued, peer-back, delivered, delivered

story: 6. Câu trả lời bị mất: hồ sơ không bị ghi hai lần | An answer is lost: the dossier is not recorded twice
  portal answers lost-after
  relay sends dossier-recorded dossier.json with MaHoSo=H99.14-261122-0006 -> 0
  after 6s
  portal status H99.14-261122-0006 2
  portal heard 6 creates
  open 0
