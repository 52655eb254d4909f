//! What is said of files.

/// A file that nobody published to this caller.
pub fn file_unknown() -> &'static str {
    "không có tệp này cho hệ thống gọi; xem lại địa chỉ tệp đã nhận (downloadfile/…)"
}

/// Behind an address of ours is nothing any more.
pub fn file_gone() -> &'static str {
    "tệp không còn ở nơi lưu giữ; đề nghị cơ quan gửi hồ sơ gửi lại tệp"
}

/// Nobody allows us to ask there.
pub fn file_not_allowed() -> &'static str {
    "địa chỉ tệp không nằm trong danh sách được phép lấy (file_hosts); quản trị viên xem lại cấu hình"
}

/// Something else came than a file.
pub fn file_unfetched() -> &'static str {
    "chưa lấy được tệp từ phần mềm một cửa (không trả lời, chuyển hướng, quá lớn hoặc quá chậm); thử lại sau"
}

/// A file is to be told as an address, and there is none.
pub fn public_url_missing(peer: &str) -> String {
    format!("chưa cấu hình `public_url` của hệ thống {peer}: không có địa chỉ để hệ thống này tải tệp")
}

/// Base64 that is none.
pub fn file_broken() -> &'static str {
    "không phải base64 đúng (RFC 4648); mã hóa lại tệp rồi gửi lại"
}

/// One file is too large.
pub fn file_too_large(most: u64) -> String {
    format!("tệp lớn hơn {most} byte; giảm dung lượng hoặc gửi bằng địa chỉ tải")
}

/// All files of a call are too large.
pub fn files_too_large(most: u64) -> String {
    format!("tổng dung lượng các tệp của một lần gửi lớn hơn {most} byte; chia thành nhiều lần gửi")
}

/// Too many files.
pub fn files_too_many(most: usize) -> String {
    format!("một lần gửi có quá {most} tệp; chia thành nhiều lần gửi")
}

/// Files that nobody can take.
pub fn files_refused(count: usize) -> String {
    format!("{count} tệp không nhận được: xem từng trường bên dưới, sửa rồi gửi lại cả bản tin")
}
