//! What people read: fault words of the door, timeline and command output; Vietnamese first, English by choice.
//!
//! No refusal here contains the words that callers take for success; a test of the whole tree looks.

mod auth;
mod events;
mod files;
mod trouble;

use gateway_core::payment::Refusal;

pub use self::auth::*;
pub use self::events::event_words;
pub use self::files::*;
pub use self::trouble::{auth_keys_unread, store_trouble};

/// The language of output for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

impl Lang {
    /// `vi` or `en`; anything else is Vietnamese.
    pub fn parse(text: &str) -> Lang {
        if text.trim().to_ascii_lowercase().starts_with("en") { Lang::En } else { Lang::Vi }
    }

    /// One of two texts.
    pub fn pick<'a>(self, vi: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Vi => vi,
            Lang::En => en,
        }
    }
}

/// 404.
pub fn door_not_found() -> &'static str {
    "không có dịch vụ ở đường dẫn này; xem lại địa chỉ (adapter_url) trong cấu hình của phần mềm gọi"
}

/// 405.
pub fn door_method(method: &str) -> String {
    format!("dịch vụ này chỉ nhận phương thức {method}")
}

/// A question in a queue.
pub fn broker_question() -> &'static str {
    "câu hỏi và đăng nhập không gửi qua hàng đợi, vì không có ai chờ trả lời; hãy gọi qua HTTP"
}

/// A user of the broker that is nobody's.
pub fn broker_user() -> &'static str {
    "thông điệp không mang user-id của hệ thống nào đã khai báo; hãy đặt user-id bằng tên đăng nhập vào broker, và khai báo broker_user ở phần door của hệ thống trong cấu hình của cổng"
}

/// A routing key that is no channel.
pub fn broker_channel() -> &'static str {
    "khóa định tuyến (routing key) không phải tên một kênh nhận của cổng; xem danh sách kênh bằng lệnh `lienthong topology --asyncapi`"
}

/// 429.
pub fn door_throttled(seconds: u64) -> String {
    format!("gọi quá nhanh so với giới hạn của hệ thống này; hãy gọi lại sau {seconds} giây")
}

/// 415.
pub fn door_content_type(known: &[String]) -> String {
    format!("Content-Type phải là {}", known.join(" hoặc "))
}

/// 415 for a packed body.
pub fn door_content_encoding() -> &'static str {
    "nội dung phải gửi nguyên dạng, không nén (bỏ Content-Encoding)"
}

/// 413.
pub fn door_too_large(limit: usize) -> String {
    format!("nội dung vượt quá giới hạn {limit} byte; hãy gửi ít hồ sơ hơn trong một lần gọi")
}

/// 408.
pub fn door_timeout(seconds: u64) -> String {
    format!("nội dung không đến đủ trong {seconds} giây; kết nối bị ngắt, chưa có gì được ghi nhận")
}

/// 503: too many long bodies of nobody yet known.
pub fn door_busy() -> &'static str {
    "đang có quá nhiều lời gọi dài chưa cho biết phiên đăng nhập; chưa có gì được ghi nhận, hãy gửi lại sau, và đặt session ở đầu nội dung"
}

/// 503: too many large bodies at once.
pub fn door_full() -> &'static str {
    "cổng đang xử lý quá nhiều nội dung lớn cùng lúc; chưa có gì được ghi nhận, hãy gửi lại sau"
}

/// The caller went away.
pub fn body_broken_off() -> &'static str {
    "kết nối đứt giữa chừng; chưa có gì được ghi nhận"
}

/// 503.
pub fn store_unavailable() -> &'static str {
    "cổng liên thông tạm thời chưa ghi được dữ liệu; chưa có gì được ghi nhận, hãy gửi lại sau"
}

/// The peer of a question cannot be reached, or says nothing.
pub fn question_not_kept() -> &'static str {
    "không nhận được trả lời từ hệ thống được hỏi; câu hỏi không được lưu lại, hãy hỏi lại sau"
}

/// 503: no audit, no question.
pub fn audit_unwritable() -> &'static str {
    "chưa ghi được nhật ký kiểm toán nên câu hỏi không được gửi đi; báo quản trị cổng liên thông, rồi hỏi lại"
}

/// Our own defect.
pub fn panicked() -> &'static str {
    "cổng liên thông gặp lỗi nội bộ với lời gọi này; chưa chắc đã ghi nhận, có thể gửi lại nguyên nội dung"
}

/// The dialect's door does not take this kind.
pub fn kind_not_taken(kind: &str) -> String {
    format!("kênh này không nhận loại thông điệp `{kind}`")
}

/// An item that is not what its contract says.
pub fn contract_violated(count: usize) -> String {
    format!("dữ liệu có {count} chỗ không đúng quy định, xem từng trường trong danh sách kèm theo")
}

/// No configured peer takes this kind for this unit.
pub fn nobody_receives(kind: &str, unit: &str) -> String {
    format!(
        "chưa cấu hình hệ thống nào nhận loại thông điệp `{kind}` của đơn vị {unit}; báo quản trị cổng liên thông, rồi gửi lại"
    )
}

/// A unit that is no code.
pub fn unit_unusable() -> &'static str {
    "mã đơn vị chỉ gồm chữ không dấu, chữ số, dấu chấm, gạch nối, không chứa số định danh; nhiều nhất 64 ký tự"
}

/// An identity question on behalf of a unit that the calling system does not serve.
pub fn foreign_unit() -> &'static str {
    "hệ thống gọi không được tra cứu thay cho đơn vị này (asks_for); kiểm tra mã đơn vị của lượt tra cứu"
}

/// A dossier code in none of the known forms: a warning, never a refusal.
pub fn dossier_code_unusual() -> &'static str {
    "mã hồ sơ không theo dạng nào đã biết; vẫn được chuyển đi, nên kiểm tra lại ở phần mềm gửi"
}

/// A pulled list that is much shorter than the one that is there.
pub fn catalogue_shrunk(had: usize, came: usize) -> String {
    format!("danh mục lấy về có {came} mục, đang có {had} mục; giữ nguyên danh mục cũ và lấy lại sau")
}

/// The disk did not take it.
pub fn catalogue_unwritten() -> &'static str {
    "không ghi được danh mục xuống đĩa; giữ nguyên danh mục cũ"
}

/// 404, for a wrong receipt code and for a dossier that there is not.
pub fn lookup_unknown() -> &'static str {
    "không có hồ sơ với mã hồ sơ và mã tra cứu này; kiểm tra lại hai mã trên giấy hẹn"
}

/// A dossier code nobody can use.
pub fn dossier_code_unusable() -> &'static str {
    "mã hồ sơ trống, dài quá 100 ký tự hoặc chứa ký tự điều khiển"
}

/// What a carrier told has no time that can be read.
pub fn shipment_unreadable() -> &'static str {
    "tin của đơn vị vận chuyển không có thời điểm đọc được nên không dùng được"
}

/// 400.
pub fn shipment_number() -> &'static str {
    "lần gửi (shipment) phải là số nguyên từ 1 đến 4294967295"
}

/// Somebody says that money was paid, and nothing shows that it is the provider.
pub fn payment_unproven() -> &'static str {
    "tin báo kết quả thanh toán không có chữ ký của nền tảng thanh toán nên không được tính"
}

/// What a provider told says nothing of any payment.
pub fn payment_unreadable() -> &'static str {
    "tin báo kết quả thanh toán không nêu mã tham chiếu hoặc kết quả đọc được"
}

/// What is to be paid does not add up.
pub fn payment_lines() -> &'static str {
    "số tiền (amount) phải là số nguyên lớn hơn 0 và bằng tổng các khoản (lines); hãy sửa rồi yêu cầu lại"
}

/// Why what was said of a payment does not count.
pub fn payment_refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => "không có khoản thanh toán nào mang mã tham chiếu này",
        Refusal::Amount => "số tiền không đúng với khoản đã yêu cầu",
        Refusal::Currency => "loại tiền không đúng với khoản đã yêu cầu",
        Refusal::Transaction => "thiếu mã giao dịch của nền tảng thanh toán",
        Refusal::Cancelled => "khoản thanh toán này đã hủy trước đó; cần đối soát để hoàn tiền",
        Refusal::Twice => {
            "khoản này đã được thanh toán bằng giao dịch khác, hoặc giao dịch này đã dùng cho khoản khác; cần đối soát"
        }
        Refusal::Paid => "khoản thanh toán này đã được trả tiền nên không hủy được",
    }
}

/// 409.
pub fn key_conflict() -> &'static str {
    "khóa chống gửi trùng (Idempotency-Key, webhook-id) này đã dùng cho một nội dung khác; hãy dùng khóa mới"
}

/// Nobody ever said anything of this dossier, or it is not kept any more.
pub fn dossier_unknown() -> &'static str {
    "không có hồ sơ mang mã này; xem lại mã hồ sơ, hoặc chờ phần mềm một cửa đồng bộ hồ sơ rồi tra cứu lại"
}

/// A conversation that does not end.
pub fn conversation_in_circles() -> &'static str {
    "trao đổi với hệ thống nhận không kết thúc; cần người quản trị xem lại"
}

/// Our own code panicked over a delivery.
pub fn delivery_panicked() -> &'static str {
    "lỗi nội bộ khi xử lý thông điệp này"
}

/// What we keep of a message does not open.
pub fn store_unreadable() -> &'static str {
    "bản lưu của bản tin này không mở được (tệp bị thiếu hoặc hỏng); khôi phục từ bản sao lưu rồi gửi lại, hoặc hủy và yêu cầu phần mềm một cửa gửi bản mới"
}

/// What came from the broker and is none of ours, or does not open.
pub fn broker_message_unreadable() -> &'static str {
    "bản tin lấy từ RabbitMQ không đọc được (không phải của kho này, sai khóa hoặc đã hỏng); bản gốc vẫn nằm trong kho và được gửi lại, chỉ cần xem ai đã ghi vào hàng đợi này"
}

/// No mapping for this kind.
pub fn mapping_missing(kind: &str) -> String {
    format!(
        "chưa có bảng ánh xạ cho loại thông điệp `{kind}`; bổ sung trong thư mục mappings rồi khởi động lại"
    )
}

/// No connection.
pub fn peer_unreachable() -> &'static str {
    "không kết nối được tới hệ thống nhận; sẽ tự gửi lại"
}

/// No answer.
pub fn peer_silent() -> &'static str {
    "hệ thống nhận không trả lời; chưa rõ đã ghi nhận hay chưa"
}

/// No answer to a question in time.
pub fn question_unanswered(seconds: u64) -> String {
    format!("hệ thống được hỏi không trả lời trong {seconds} giây; hãy thử lại sau")
}

/// No peer answers questions of this kind.
pub fn nobody_to_ask() -> &'static str {
    "chưa cấu hình hệ thống nào trả lời câu hỏi này"
}

/// Nothing is sent to this peer at present.
pub fn peer_paused() -> &'static str {
    "quản trị cổng liên thông đang tạm ngừng gửi tới hệ thống này; hãy hỏi lại sau"
}

/// A peer that the running gateway does not have.
pub fn peer_unknown(name: &str) -> String {
    format!(
        "cổng đang chạy không có hệ thống `{name}`; xem `lienthong peers list`, khởi động lại nếu vừa sửa cấu hình"
    )
}

/// An admin call that nobody knows.
pub fn admin_call_unknown() -> &'static str {
    "lệnh quản trị không hợp lệ; phiên bản của lệnh và của cổng đang chạy có thể khác nhau"
}

/// No dead letter of that number.
pub fn dead_letter_not_found() -> &'static str {
    "không có thư chết nào mang số này (có thể đã được gửi lại hoặc hủy); xem `lienthong dead-letters list`"
}

/// One of that number, but in a state that the command is not for.
pub fn dead_letter_otherwise(why: &str) -> String {
    format!(
        "thư này đang ở trạng thái mà lệnh không dùng được ({why}): `settle` cho thư còn nghi ngờ (in-doubt); `redeliver`, `correct`, `discard` cho thư chết; xem `lienthong dead-letters show`"
    )
}

/// Where a shipment is, and what else the timeline says of one, word by word; what is no word of ours stays as it is.
fn shipment_words(lang: Lang, detail: &str) -> String {
    let said = |word: &str| {
        let (vi, en) = match word {
            "DRAFT" => ("bản nháp", "draft"),
            "CREATED" => ("đã tạo đơn", "ordered"),
            "ACCEPTED" => ("bưu chính đã nhận yêu cầu", "accepted by the carrier"),
            "PICKING_UP" => ("đang đi gom", "being fetched"),
            "PICKUP_FAILED" => ("gom chưa được", "could not be fetched"),
            "PICKED_UP" => ("đã gom", "fetched"),
            "IN_TRANSIT" => ("đang vận chuyển", "in transit"),
            "AT_DELIVERY_OFFICE" => ("đã đến bưu cục phát", "at the office that delivers it"),
            "OUT_FOR_DELIVERY" => ("đang đi phát", "out for delivery"),
            "DELIVERY_FAILED" => ("phát chưa được", "could not be handed over"),
            "CANCEL_PENDING" => ("đang chờ hủy", "cancelling"),
            "RETURNING" => ("đang chuyển hoàn", "on its way back"),
            "CANCELLED" => ("đã hủy", "cancelled"),
            "RETURNED" => ("đã chuyển hoàn", "returned"),
            "LOST" => ("thất lạc", "lost"),
            "DELIVERED" => ("đã phát", "handed over"),
            "COD_COLLECTED" => ("đã thu hộ", "money collected"),
            "COD_REMITTED" => ("đã trả tiền thu hộ", "collected money paid out"),
            "POSTAGE_PAID" => ("đã trả cước", "postage paid"),
            "unknown" => ("mã chưa biết", "an unknown code"),
            "confirmed" => ("(đã hỏi lại)", "(asked for)"),
            "unconfirmed" => ("(chưa xác nhận)", "(not confirmed)"),
            "unknown-code" => ("mã trạng thái không có trong bảng mã", "a code that no list knows"),
            "future-dated" => ("thời điểm ở tương lai", "dated in the future"),
            "number-taken" => ("số đơn hàng là của hồ sơ khác", "the order number is another dossier's"),
            "two-ends" => ("hai kết cục khác nhau", "two different ends"),
            "stale" => ("lâu không có tin, đã thôi hỏi bưu chính", "no news for long, no longer asked about"),
            other => match other.split_once('/') {
                Some(("RETURN", number)) => {
                    return lang.pick("chuyển trả kết quả, lần ", "return, shipment ").to_owned()
                        + number
                        + ",";
                }
                Some(("COLLECT", number)) => {
                    return lang.pick("thu gom hồ sơ, lần ", "collection, shipment ").to_owned()
                        + number
                        + ",";
                }
                _ => (other, other),
            },
        };
        lang.pick(vi, en).to_owned()
    };
    detail.split_whitespace().map(said).collect::<Vec<_>>().join(" ")
}
