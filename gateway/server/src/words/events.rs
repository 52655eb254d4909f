//! What happened to a message, in the words of the timeline.

use super::{Lang, shipment_words};

/// An event of the timeline, for people.
pub fn event_words(lang: Lang, event: &str, detail: &str) -> String {
    let (vi, en) = match event {
        "accepted" => ("đã nhận, đã ghi bền vững", "accepted, on disk"),
        "duplicate" => ("gửi trùng, đã trả lời như lần đầu", "duplicate, answered as the first time"),
        "late-repeat" => ("gửi lại trạng thái cũ, không chuyển tiếp", "an old state again, not sent on"),
        "refused" => ("từ chối: dữ liệu người gửi phải sửa", "refused: the sender must mend it"),
        "queued" => ("xếp hàng chờ gửi", "queued"),
        "superseded" => ("được bản mới hơn thay thế", "a newer state took its place"),
        "passed" => ("bước sau đã được gửi trước", "a later step went before it"),
        "carried-over" => ("mang theo phần xóa tệp của bản trước", "carries over file deletions"),
        "held" => ("chờ hồ sơ được hệ thống nhận ghi nhận", "waits until the peer knows the dossier"),
        "translated" => ("đã chuyển sang dạng của hệ thống nhận", "translated"),
        "shortened" => ("giá trị được xử lý theo quy tắc", "a value changed by a rule"),
        "addresses-passed" => (
            "địa chỉ tệp giữ nguyên vì không nằm trong file_hosts",
            "addresses of files left as they are: not within file_hosts",
        ),
        "call" => ("gọi", "call"),
        "struck" => ("lần gọi không tính", "call does not count"),
        "peer-away" => ("hệ thống nhận không sẵn sàng, tự chờ", "the peer is away, waiting"),
        "peer-back" => ("hệ thống nhận đã hoạt động lại", "the peer is back"),
        "session-renewed" => ("đăng nhập lại", "new session"),
        "retry" => ("sẽ gửi lại", "tried again later"),
        "delivered" => ("đã gửi xong", "delivered"),
        "dead-letter" => ("không gửi được, cần xử lý", "dead letter: needs somebody"),
        "in-doubt" => ("chưa rõ đã ghi nhận hay chưa, cần kiểm tra", "in doubt: somebody must look"),
        "may-be-doubled" => ("gửi lại, có thể bị ghi hai lần", "sent again, may be doubled"),
        "late-outcome" => ("kết quả đến muộn, không tính", "an outcome that came too late, not counted"),
        "read-back" => ("đã hỏi lại hệ thống nhận", "asked the peer back"),
        "corrected" => ("cán bộ đã sửa nội dung", "corrected by an operator"),
        "redelivered" => ("cán bộ cho gửi lại", "offered again by an operator"),
        "discarded" => ("cán bộ hủy", "given up by an operator"),
        "purged" => ("nội dung đã xóa theo thời hạn lưu", "contents purged: their time was over"),
        "restored" => (
            "khôi phục từ bản sao lưu; có thể đã gửi trong khoảng bị mất",
            "restored from a backup; may have been sent in the hours that are missing",
        ),
        "presumed" => {
            ("coi như đã gọi trong khoảng bị mất, sẽ hỏi lại", "taken for called, to be asked back")
        }
        "peer-paused" => ("đang ngừng gửi tới hệ thống nhận", "nothing is sent to the peer"),
        "peer-resumed" => ("gửi tiếp tới hệ thống nhận", "the peer is sent to again"),
        "shadowed" => ("đã dịch và kiểm tra thử, chưa gửi", "translated and checked, not sent"),
        "clock-set-back" => (
            "đồng hồ của máy bị vặn lùi; thứ tự thời gian quanh đây không đúng",
            "the machine's clock was set back; times around here are out of order",
        ),
        "offered-again" => {
            ("tự gửi lại sau khi bảng mã, ánh xạ được bổ sung", "offered again: a file was mended")
        }
        "shipment-heard" => ("đơn vị vận chuyển báo", "the carrier told"),
        "shipment-moved" => ("bưu gửi", "shipment"),
        "shipment-alert" => ("tin bưu gửi cần người xem", "somebody must look at a shipment"),
        "payment-opened" => ("mở khoản thanh toán", "a payment begins"),
        "payment-paid" => ("đã thanh toán", "paid"),
        "payment-failed" => ("lần thanh toán chưa hoàn tất", "a try to pay failed"),
        "payment-cancelled" => ("đã hủy khoản thanh toán", "the payment was taken back"),
        "payment-alert" => (
            "tin thanh toán không được tính, cần người xem",
            "what was said of a payment does not count: somebody must look",
        ),
        other => (other, other),
    };
    let words = lang.pick(vi, en);
    if event.starts_with("shipment-") {
        return format!("{words}: {}", shipment_words(lang, detail));
    }
    if detail.is_empty() { words.to_owned() } else { format!("{words} ({detail})") }
}
