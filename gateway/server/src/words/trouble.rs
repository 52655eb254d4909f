//! What whoever starts a command is told of a store that cannot be used, with the next step to take; and callers, of keys that cannot be read.

use super::Lang;
use crate::store::StoreError;

/// Why the store cannot be used, for whoever starts a command. What the disk said stands behind it, because whoever is asked for
/// help will want it.
pub fn store_trouble(lang: Lang, error: &StoreError) -> String {
    let vi = match error {
        StoreError::Full => {
            "đĩa chứa kho dữ liệu đã đầy: giải phóng chỗ trống (`df -h`) rồi chạy lại; chưa mất gì"
        }
        StoreError::Locked { folder, by } => {
            let who = by.map_or("tiến trình khác".to_owned(), |pid| format!("tiến trình {pid}"));
            let look = by.map_or("ps -C lienthong".to_owned(), |pid| format!("ps -p {pid}"));
            return match lang {
                Lang::Vi => format!(
                    "kho dữ liệu ở {folder} đang do {who} sử dụng: cổng liên thông đã chạy rồi, không cần chạy thêm. \
                     Xem bằng `{look}`; muốn chạy lại thì dừng nó trước (`systemctl stop lienthong`)"
                ),
                Lang::En => format!(
                    "{error}: the gateway runs already. Look with `{look}`; to start it anew, stop that one first \
                     (`systemctl stop lienthong`)"
                ),
            };
        }
        StoreError::Busy => {
            "kho dữ liệu đang bị một chương trình khác khóa; đóng chương trình đó rồi thử lại"
        }
        StoreError::Corrupt(_) => {
            "kho dữ liệu bị hỏng: giữ nguyên thư mục dữ liệu, khôi phục từ bản sao lưu bằng `lienthong restore`; \
             xem chỗ hỏng bằng `lienthong check --store`"
        }
        StoreError::Newer { .. } => {
            "kho dữ liệu do phiên bản mới hơn ghi: cài lại phiên bản mới hơn, hoặc đưa bản lienthong.db.before-v… trở lại"
        }
        StoreError::WrongKey(_) => "kho dữ liệu được niêm phong bằng khóa khác: xem gateway.sealing_key_file",
        StoreError::HalfRestored(_) => "việc khôi phục còn dở dang: chạy lại `lienthong restore`",
        StoreError::Io(_) => {
            "không đọc ghi được kho dữ liệu: xem đĩa và quyền của thư mục dữ liệu (`df -h`, `dmesg`) rồi chạy lại"
        }
        _ => "không dùng được kho dữ liệu",
    };
    match lang {
        Lang::Vi => format!("{vi} ({error})"),
        Lang::En => format!("{error}{}", next_step(error)),
    }
}

fn next_step(error: &StoreError) -> &'static str {
    match error {
        StoreError::Corrupt(_) => {
            "; leave the data folder as it is and restore a backup (`lienthong restore`); `lienthong check --store` shows what is damaged"
        }
        StoreError::Full => "; nothing is lost: make room (`df -h`) and start again",
        StoreError::Busy => "; close that program and start again",
        StoreError::WrongKey(_) => "; see gateway.sealing_key_file",
        StoreError::Io(_) => {
            "; look at the disk and who may use the data folder (`df -h`, `dmesg`), then start again"
        }
        _ => "",
    }
}

/// 503: the keys could not be read since the start.
pub fn auth_keys_unread() -> &'static str {
    "cổng liên thông chưa đọc được tệp khóa truy cập nên chưa biết khóa này đúng hay sai; chưa có gì được ghi nhận, hãy gửi lại sau; \
     quản trị cổng xem `lienthong doctor`"
}
