//! Fault words of the door for who calls: a key, a session, a certificate, an address or a signature that is not what it should be.

/// 401 without a key.
pub fn auth_missing() -> &'static str {
    "thiếu khóa truy cập: gửi khóa trong X-Api-Key hoặc Authorization (Basic, Bearer); khóa do quản trị cấp bằng lệnh `lienthong keys add`"
}

/// 401 with a wrong key.
pub fn auth_unknown() -> &'static str {
    "khóa truy cập không đúng hoặc đã bị thu hồi; đề nghị quản trị cấp lại bằng lệnh `lienthong keys add`"
}

/// 401 with a session that is over.
pub fn auth_session() -> &'static str {
    "phiên đăng nhập không hợp lệ hoặc đã hết hạn; hãy đăng nhập lại"
}

/// 403.
pub fn auth_wrong_door(dialect: &str) -> String {
    format!("khóa này thuộc hệ thống nói giao thức `{dialect}`, không dùng được ở đường dẫn này")
}

/// 401: a certificate that is nobody's.
pub fn auth_certificate() -> &'static str {
    "chứng thư số này không thuộc hệ thống nào đã khai báo; kiểm tra client_ca_file và client_names trong cấu hình của cổng"
}

/// 403: what was shown speaks of two peers.
pub fn auth_mismatch() -> &'static str {
    "khóa, chứng thư số hoặc đường dẫn bí mật trong cùng lời gọi thuộc về các hệ thống khác nhau; hãy dùng của cùng một hệ thống"
}

/// 403: a way in that this peer's door does not have.
pub fn auth_proof() -> &'static str {
    "hệ thống này không được vào bằng cách xác thực vừa dùng; xem `accepts` ở phần door của hệ thống trong cấu hình của cổng"
}

/// 403: not from there.
pub fn auth_address() -> &'static str {
    "địa chỉ mạng của nơi gọi không nằm trong danh sách được phép của hệ thống này; đề nghị quản trị cổng bổ sung vào `addresses`"
}

/// 403: known, and not surely enough.
pub fn auth_level(minimum: &str, reached: &str) -> String {
    format!("mức xác thực `{reached}` chưa đủ, kênh này cần ít nhất `{minimum}`")
}

/// 401: nobody's signature.
pub fn auth_signature() -> &'static str {
    "chữ ký không khớp với nội dung (webhook-id, webhook-timestamp, webhook-signature); kiểm tra khóa ký, và gửi đúng từng byte đã ký"
}

/// 401: a signature inside the body, in a peer's own way.
pub fn auth_own_signature() -> &'static str {
    "mã xác thực trong nội dung không khớp; kiểm tra khóa bí mật chung giữa hai bên (`keys` của hệ thống này trong cấu hình của cổng), và ký đúng từng giá trị đã gửi"
}

/// 401: an old call, or a wrong clock.
pub fn auth_stale() -> &'static str {
    "thời điểm ký lệch quá 5 phút so với giờ của cổng; hãy chỉnh đồng hồ và ký lại"
}
