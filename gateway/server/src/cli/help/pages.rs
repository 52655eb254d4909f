//! The texts of `--help` that stand in no comment: a page for each command, in the order in which it is shown.
//!
//! Officers and administrators read it, so the Vietnamese is theirs, and the names in the examples are those of the reference
//! configuration and of the demonstration.

/// What one command says of itself beside the comments in the tree.
pub(super) struct Page {
    /// What is typed after the program's name; nothing for the program itself.
    pub(super) command: &'static str,
    pub(super) about: &'static str,
    /// By their names in the tree: what stands for the value, and what it is. Those of every command stand in [`COMMON`].
    pub(super) args: &'static [(&'static str, &'static str, &'static str)],
    /// What is typed, what it does in Vietnamese and in English.
    pub(super) examples: &'static [(&'static str, &'static str, &'static str)],
    /// The exit statuses it can end with.
    pub(super) ends: &'static [usize],
}

/// The arguments that every command has.
pub(super) const COMMON: &[(&str, &str, &str)] = &[
    ("config", "TỆP", "Tệp cấu hình; /dev/null nếu chạy lệnh không cần cấu hình"),
    ("lang", "NGÔN NGỮ", "Ngôn ngữ hiển thị: vi hoặc en; nếu không nêu thì theo cấu hình"),
    ("json", "", "In kết quả dạng JSON cho chương trình khác đọc"),
    ("help", "", "Hiện trợ giúp này"),
    ("version", "", "Hiện phiên bản"),
];

/// The arguments of a choice among dead letters.
const SELECT: [(&str, &str, &str); 6] = [
    ("dossier", "MÃ HỒ SƠ", "Chỉ của hồ sơ này"),
    ("peer", "HỆ THỐNG", "Chỉ của hệ thống nhận này"),
    ("fault", "MÃ LỖI", "Chỉ những thư chết có mã lỗi này"),
    ("unit", "MÃ ĐƠN VỊ", "Chỉ của đơn vị này; cùng với --since thành danh sách hằng ngày của đơn vị"),
    ("since", "THỜI ĐIỂM", "Chỉ từ thời điểm này: 2026-11-22 hoặc 2026-11-22T08:00:00+07:00"),
    ("until", "THỜI ĐIỂM", "Chỉ đến trước thời điểm này"),
];

const ID: (&str, &str, &str) = ("id", "SỐ", "Số của thư chết, xem bằng `lienthong dead-letters list`");
const PEER: (&str, &str, &str) = ("peer", "HỆ THỐNG", "Tên hệ thống, như trong [peers.<tên>]");
const PREFIX: (&str, &str, &str) =
    ("mapping", "BẢNG ÁNH XẠ", "Chỉ những bảng ánh xạ có tên bắt đầu như thế này");

/// Who must act: somebody who looks at the data, whoever typed, whoever installed, whoever starts the service.
pub(super) const ENDS: [(&str, &str); 5] = [
    ("xong", "done"),
    (
        "có điều chưa đúng: lỗi trong tệp, ca kiểm tra không qua, không có hồ sơ này, yêu cầu bị từ chối",
        "something is not as it should be: a defect, a failed case, no such dossier, a refused request",
    ),
    ("gõ sai lệnh", "wrong usage"),
    (
        "không chạy hoặc không đọc được: cấu hình, kho dữ liệu, khóa, tệp",
        "cannot start or read: configuration, store, key, file",
    ),
    ("cổng liên thông chưa chạy", "the gateway does not run"),
];

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "",
        about: "Liên Thông: cổng trung chuyển thông điệp giữa phần mềm một cửa và các hệ thống quốc gia",
        args: &[],
        examples: &[
            (
                "lienthong demo",
                "xem cả cổng làm việc với dữ liệu thử, không cần cấu hình gì",
                "see all of it work on made-up data, without any configuration",
            ),
            (
                "lienthong init --folder thu",
                "tạo cấu hình, khóa niêm phong và thư mục dữ liệu",
                "write a configuration, a sealing key and the data folder",
            ),
            (
                "lienthong keys add mot-cua",
                "cấp khóa cho một phần mềm một cửa",
                "make a key for the software that calls",
            ),
            ("lienthong check && lienthong run", "kiểm tra mọi thứ, rồi chạy", "check everything, then run"),
            (
                "lienthong timeline H99.14-261122-0001",
                "xem mọi việc đã xảy ra với một hồ sơ",
                "see everything that happened to a dossier",
            ),
        ],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "init",
        about: "Tạo cấu hình ban đầu, khóa niêm phong và các thư mục",
        args: &[(
            "folder",
            "THƯ MỤC",
            "Nơi đặt cấu hình, khóa và dữ liệu; nếu không nêu: /etc/lienthong và /var/lib/lienthong",
        )],
        examples: &[
            (
                "lienthong init --folder thu",
                "tạo trong thư mục `thu` để chạy thử; tệp đã có thì giữ nguyên",
                "into the folder `thu`, to try it out; what is there already is left alone",
            ),
            ("sudo lienthong init", "cài đặt cho cả máy", "for the whole machine"),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "keys",
        about: "Khóa của các phần mềm gọi đến: cấp, xem danh sách, thu hồi",
        args: &[],
        examples: &[
            ("lienthong keys add mot-cua", "cấp khóa; chỉ hiện một lần", "make a key; it is shown once"),
            ("lienthong keys list", "xem ai đang có khóa", "see who has keys"),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "keys add",
        about: "Cấp khóa cho một hệ thống và hiện khóa đúng một lần này",
        args: &[
            ("peer", "HỆ THỐNG", "Tên hệ thống, như trong [peers.<tên>] của tệp cấu hình"),
            (
                "path",
                "",
                "Đường dẫn bí mật thay cho khóa, khi hệ thống không gửi được gì khác: /h/<đoạn bí mật>/…",
            ),
            ("officer", "CÁN BỘ", "Khóa riêng của một cán bộ: câu hỏi gửi bằng khóa này là của cán bộ đó"),
            ("note", "GHI CHÚ", "Ghi chú cho người quản trị: ai giữ khóa này"),
        ],
        examples: &[(
            "lienthong keys add mot-cua --note \"VNPT, máy chủ 2\"",
            "cấp khóa cho hệ thống `mot-cua`, có ghi chú",
            "a key for the peer `mot-cua`, with a note",
        )],
        ends: &[0, 2, 3],
    },
    Page {
        command: "keys list",
        about: "Xem danh sách khóa (không bao giờ hiện lại chính khóa)",
        args: &[],
        examples: &[(
            "lienthong keys list",
            "mã khóa, hệ thống, ngày cấp, ghi chú",
            "id, peer, when it was made, note",
        )],
        ends: &[0, 2, 3],
    },
    Page {
        command: "keys revoke",
        about: "Thu hồi một khóa theo mã khóa; có hiệu lực trong một giây, không phải khởi động lại",
        args: &[("id", "MÃ KHÓA", "Mã khóa mà `lienthong keys list` hiện ra")],
        examples: &[("lienthong keys revoke 1a2b3c4d", "thu hồi khóa này", "revoke this key")],
        ends: &[0, 2, 3],
    },
    Page {
        command: "run",
        about: "Chạy cổng liên thông cho đến khi được yêu cầu dừng (SIGTERM, Ctrl-C)",
        args: &[],
        examples: &[
            ("lienthong run", "chạy theo cấu hình của máy", "with the configuration of the machine"),
            ("lienthong run -c thu/lienthong.toml", "chạy theo tệp cấu hình này", "with this configuration"),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "check",
        about: "Kiểm tra cấu hình, quy định dữ liệu, bảng ánh xạ và bảng mã; báo mọi lỗi cùng một lúc",
        args: &[("store", "", "Kiểm tra cả kho dữ liệu: có nguyên vẹn không, kể cả khi cổng đang chạy")],
        examples: &[
            (
                "lienthong check --store",
                "sau khi mất điện hoặc hỏng đĩa: xem kho dữ liệu còn nguyên vẹn không",
                "after a power cut or trouble with the disk: is the store whole",
            ),
            ("lienthong check", "kiểm tra cấu hình của máy", "check the configuration of the machine"),
            (
                "lienthong check -c /dev/null",
                "chỉ kiểm tra dữ liệu kèm theo chương trình",
                "check only what is built in",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "demo",
        about: "Xem cổng làm việc: các hệ thống giả lập, hồ sơ, câu hỏi và đơn bưu chính thử, chỉ trên máy này",
        args: &[
            ("once", "", "Tự kết thúc; mã 0 chỉ khi mọi hồ sơ đều đến đúng nơi"),
            ("keep", "", "Giữ lại thư mục (cấu hình, kho dữ liệu, khóa) của lần chạy này"),
        ],
        examples: &[
            ("lienthong demo", "xem rồi tự tay thử tiếp", "watch, then go on by hand"),
            ("lienthong demo --once", "chạy hết rồi kết thúc", "play it and end"),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "prove",
        about: "Giết cổng liên thông nhiều lần bên cạnh các hệ thống trục trặc, rồi đối chiếu từng thông điệp đã nhận",
        args: &[
            ("rounds", "SỐ VÒNG", "Số lần cổng bị giết (SIGKILL) rồi chạy lại"),
            ("carrier", "KÊNH CHUYỂN", "Kênh chuyển thông điệp: embedded hoặc rabbitmq"),
            ("seed", "HẠT GIỐNG", "Lặp lại đúng kịch bản của lần chạy đã in ra số này"),
        ],
        examples: &[
            (
                "lienthong prove --rounds 20",
                "giết cổng 20 lần; trạng thái kết thúc 0 nếu không mất, không lặp, không sai thứ tự, không kẹt",
                "kill it 20 times; exit status 0 if nothing is lost, doubled, reordered or stuck",
            ),
            ("lienthong prove --rounds 200 --seed 7", "kịch bản của hạt giống 7", "the schedule of seed 7"),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "simulate",
        about: "Chạy bản giả lập của một hệ thống trên một cổng mạng, để thử kết nối",
        args: &[
            ("peer", "HỆ THỐNG", "Hệ thống được giả lập: portal, population, postal/ems, declared/<tên>…"),
            ("listen", "ĐỊA CHỈ", "Địa chỉ và cổng mạng để lắng nghe"),
            (
                "folder",
                "THƯ MỤC",
                "Thư mục như overlay của cấu hình, cho hệ thống khai báo bằng thư mục dữ liệu",
            ),
            ("set", "DÒNG TOML", "Một thiết đặt của hệ thống hoặc bản giả lập; có thể nêu nhiều lần"),
            (
                "answers",
                "CÁCH TRẢ LỜI",
                "Các lần gọi đầu tiên gặp gì: 503, html, lost-before, lost-after, slow, ok",
            ),
            ("script", "TỆP", "Kịch bản, mỗi dòng một việc: answers, always, nudge, after"),
            (
                "webhooks_to",
                "ĐỊA CHỈ",
                "Nơi nhận những lời báo của hệ thống, mỗi giây một lượt; đường dẫn riêng (/postal/ems) được nối vào sau",
            ),
        ],
        examples: &[
            (
                "lienthong simulate",
                "Cổng DVCQG giả lập, đúng địa chỉ ghi trong cấu hình mẫu",
                "a portal, where the reference configuration expects one",
            ),
            (
                "lienthong simulate --answers 503 503 ok",
                "hai lần gọi đầu gặp Cổng không hoạt động",
                "away for the first two calls",
            ),
            (
                "lienthong simulate population --set 'profile = \"p2\"' --listen 127.0.0.1:8462",
                "CSDL dân cư giả lập qua nền tảng của tỉnh",
                "the population database behind a province's platform",
            ),
            (
                "lienthong simulate postal/ems --listen 127.0.0.1:8463 --webhooks-to http://127.0.0.1:8460/h/SEGMENT",
                "EMS giả lập, báo tin vào đường dẫn bí mật của `lienthong keys add ems --path`",
                "EMS, calling the secret path of `lienthong keys add ems --path`",
            ),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "translate",
        about: "Thử một bảng ánh xạ trên một tệp",
        args: &[
            (
                "mapping",
                "BẢNG ÁNH XẠ",
                "Tên bảng ánh xạ: <adapter>/[<dialect>/](in|out)-<loại>; xem tất cả bằng `lienthong coverage`",
            ),
            (
                "file",
                "TỆP",
                "Tệp dữ liệu: một hồ sơ, hoặc cả một lần gọi (mảng JSON, tệp XML có nhiều phần tử con)",
            ),
            ("codes", "BẢNG=BẢNG", "Dùng bảng mã khác, như `codes` trong cấu hình: <bảng>=<bảng>"),
        ],
        examples: &[(
            "lienthong translate onestop/relay/in-dossier-recorded ops/demo/dossier.json",
            "xem hồ sơ mẫu sau khi chuyển đổi",
            "see the demonstration's dossier translated",
        )],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "test",
        about: "Chạy các ca kiểm tra đặt cạnh bảng ánh xạ (đặt UPDATE=1 để ghi lại kết quả mong đợi)",
        args: &[
            (
                "folder",
                "THƯ MỤC",
                "Thư mục có `schemas/` và `mappings/` đặt trên dữ liệu kèm theo: overlay, hoặc cây mã nguồn",
            ),
            PREFIX,
        ],
        examples: &[
            ("lienthong test", "chạy mọi ca kiểm tra", "all cases"),
            (
                "lienthong test onestop/relay",
                "chỉ các bảng ánh xạ của giao thức relay",
                "only those of the relay's mappings",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "openapi",
        about: "In mô tả OpenAPI của các dịch vụ mà cổng mở, như /openapi.json trả lời",
        args: &[],
        examples: &[("lienthong openapi > openapi.json", "đưa cho đơn vị kết nối", "for whoever connects")],
        ends: &[0, 2, 3],
    },
    Page {
        command: "topology",
        about: "In những gì cổng cần có ở RabbitMQ theo cấu hình này: để nhập vào máy chủ không cho cổng tự khai báo",
        args: &[
            ("definitions", "", "Dạng định nghĩa mà RabbitMQ nhập được"),
            ("asyncapi", "", "Dạng tài liệu AsyncAPI"),
        ],
        examples: &[(
            "lienthong topology --definitions",
            "xem những gì cần nhập bằng `rabbitmqctl import_definitions`",
            "what to import by `rabbitmqctl import_definitions`",
        )],
        ends: &[0, 2, 3],
    },
    Page {
        command: "coverage",
        about: "Bảng ánh xạ dùng trường nào, cố ý bỏ qua trường nào, bỏ sót trường nào",
        args: &[PREFIX, ("lost", "", "Chỉ những trường nguồn bị bỏ sót; mã kết thúc 1 nếu có")],
        examples: &[("lienthong coverage --lost", "có trường nào bị bỏ sót không", "is any field lost")],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "doctor",
        about: "Khám toàn bộ: cấu hình, khóa, kho dữ liệu, đĩa, đồng hồ, và đường tới từng hệ thống; hỏng ở đâu thì nêu việc cần làm",
        args: &[
            ("peers", "HỆ THỐNG", "Chỉ khám những hệ thống này; không nêu thì khám hết"),
            ("no_log_in", "", "Không đăng nhập thử vào đâu"),
        ],
        examples: &[
            (
                "lienthong doctor",
                "khám tất cả; không gửi bản tin nào, chỉ đăng nhập thử một lần",
                "look at everything; no message is sent, each log-in is tried once",
            ),
            (
                "lienthong doctor portal --json",
                "chỉ một hệ thống, kết quả cho chương trình khác đọc",
                "one peer, the result for another program",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "timeline",
        about: "Xem mọi việc đã xảy ra với một hồ sơ",
        args: &[
            ("dossier", "MÃ HỒ SƠ", "Mã hồ sơ, theo cách gọi của bất kỳ hệ thống nào"),
            ("all", "", "Hiện cả từng lần gọi, không chỉ các mốc chính"),
        ],
        examples: &[
            ("lienthong timeline H99.14-261122-0001", "các mốc chính", "the milestones"),
            (
                "lienthong timeline H99.14-261122-0001 --all",
                "cả từng lần gọi, để tìm nguyên nhân",
                "every call too, to find a cause",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "receipt",
        about: "In mã tra cứu ghi trên giấy hẹn của một hoặc nhiều hồ sơ",
        args: &[("dossiers", "MÃ HỒ SƠ", "Mã hồ sơ, đúng như in trên giấy hẹn")],
        examples: &[(
            "lienthong receipt H99.14-261122-0001",
            "mã để công dân tra cứu hồ sơ này",
            "the code with which the citizen looks up this dossier",
        )],
        ends: &[0, 2, 3],
    },
    Page {
        command: "peers",
        about: "Các hệ thống kết nối: tình trạng, tạm ngừng gửi, cho gửi tiếp",
        args: &[],
        examples: &[
            ("lienthong peers list", "xem từng hệ thống ra sao", "see how each of them is"),
            (
                "lienthong peers pause portal --reason \"Cổng DVCQG bảo trì\"",
                "ngừng gửi; vẫn nhận và giữ lại",
                "send nothing; go on accepting",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "peers list",
        about: "Tình trạng từng hệ thống: sẵn sàng hay không, có bị tạm ngừng không, bao nhiêu bản tin đang chờ",
        args: &[],
        examples: &[
            ("lienthong peers list", "một dòng cho mỗi hệ thống", "a line for each peer"),
            ("lienthong peers list --json", "cho chương trình khác đọc", "for another program"),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "peers pause",
        about: "Tạm ngừng gửi tới một hệ thống; bản tin vẫn được nhận và giữ lại, kể cả khi khởi động lại",
        args: &[
            PEER,
            ("all", "", "Mọi hệ thống"),
            ("reason", "LÝ DO", "Lý do, để người sau biết; hiện trong dòng thời gian của hồ sơ"),
        ],
        examples: &[
            (
                "lienthong peers pause portal --reason \"Cổng DVCQG bảo trì\"",
                "lời gọi đang dở được gọi xong, không gọi thêm",
                "calls in progress end, no other begins",
            ),
            ("lienthong peers pause --all", "ngừng gửi mọi nơi", "send nothing to anybody"),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "peers resume",
        about: "Cho gửi tiếp tới hệ thống đã tạm ngừng; việc tồn đọng tự gửi, hồ sơ đến hạn trước đi trước",
        args: &[PEER, ("all", "", "Mọi hệ thống")],
        examples: &[
            ("lienthong peers resume portal", "gửi tiếp tới Cổng DVCQG", "send to the portal again"),
            ("lienthong peers resume --all", "gửi tiếp mọi nơi", "send to everybody again"),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "peers kept",
        about: "Bản tin đang giữ cho một hệ thống và chưa từng gửi; ở mode shadow kèm được lời gọi lẽ ra sẽ gửi",
        args: &[
            PEER,
            ("dossier", "MÃ HỒ SƠ", "Chỉ của hồ sơ này"),
            ("requests", "", "Kèm lời gọi đầu tiên của từng bản tin, trong đó có dữ liệu cá nhân"),
            ("limit", "SỐ", "Xem nhiều nhất từng này bản tin"),
        ],
        examples: &[
            ("lienthong peers kept portal", "những gì đang chờ", "what waits"),
            (
                "lienthong peers kept portal --requests --json > cong-moi.json",
                "để so với những gì phần mềm cũ đã gửi, trước khi chuyển sang cổng này",
                "to compare with what the old software sent, before a cut-over",
            ),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "dead-letters",
        about: "Thư chết (thông điệp mà hệ thống nhận không nhận như hiện có) và lần gọi chưa rõ kết quả",
        args: &[],
        examples: &[
            ("lienthong dead-letters list", "còn gì cần xử lý", "what needs somebody"),
            ("lienthong dead-letters show 12", "vì sao không gửi được", "why it cannot be delivered"),
        ],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "dead-letters list",
        about: "Liệt kê thư chết và lần gọi chưa rõ kết quả, mới nhất ở cuối",
        args: &SELECT,
        examples: &[
            ("lienthong dead-letters list", "tất cả", "all of them"),
            (
                "lienthong dead-letters list --unit 000.00.14.H99 --since 2026-11-22",
                "của một đơn vị, từ ngày này",
                "of one agency, since that day",
            ),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "dead-letters show",
        about: "Xem một thư chết: nguyên nhân, cách xử lý, chỗ chưa đúng, nội dung",
        args: &[ID, ("document", "", "Kèm nội dung hồ sơ, trong đó có dữ liệu cá nhân")],
        examples: &[
            ("lienthong dead-letters show 12", "nguyên nhân và cách xử lý", "cause and remedy"),
            (
                "lienthong dead-letters show 12 --document --json > ho-so.json",
                "lấy nội dung ra tệp để sửa",
                "the document into a file, to be mended",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "dead-letters correct",
        about: "Thay nội dung của một thư chết rồi gửi lại",
        args: &[ID, ("file", "TỆP", "Nội dung đã sửa, lấy ra bằng `dead-letters show --document --json`")],
        examples: &[(
            "lienthong dead-letters correct 12 --file ho-so.json",
            "gửi lại với nội dung đã sửa",
            "offer it again with the mended document",
        )],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "dead-letters discard",
        about: "Hủy một thư chết: không bao giờ gửi nữa",
        args: &[ID, ("reason", "LÝ DO", "Lý do hủy, được ghi vào dòng thời gian của hồ sơ")],
        examples: &[(
            "lienthong dead-letters discard 12 --reason \"gửi nhầm đơn vị\"",
            "hủy và ghi lý do",
            "give it up and say why",
        )],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "dead-letters settle",
        about: "Với lần gọi chưa rõ kết quả: cho biết hệ thống nhận đã ghi nhận hay chưa",
        args: &[ID, ("verdict", "KẾT LUẬN", "`happened`: đã được ghi nhận; `did-not`: chưa được ghi nhận")],
        examples: &[(
            "lienthong dead-letters settle 12 happened",
            "hệ thống nhận xác nhận là đã có",
            "the peer confirms that it has it",
        )],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "redeliver",
        about: "Cho gửi lại các thư chết",
        args: &[
            SELECT[0],
            SELECT[1],
            SELECT[2],
            SELECT[3],
            SELECT[4],
            SELECT[5],
            ("all", "", "Tất cả thư chết hiện có"),
            ("dry_run", "", "Chỉ cho biết sẽ gửi lại những gì, chưa làm gì"),
        ],
        examples: &[
            (
                "lienthong redeliver --peer portal --dry-run",
                "xem trước những gì sẽ được gửi lại",
                "see what would be offered again",
            ),
            (
                "lienthong redeliver --fault portal.refused --since 2026-11-22 --until 2026-11-23 --dry-run",
                "một mã lỗi, trong một ngày: xem trước",
                "of one fault and one day: look first",
            ),
            (
                "lienthong redeliver --dossier H99.14-261122-0001",
                "gửi lại của một hồ sơ",
                "offer those of one dossier again",
            ),
        ],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "catalogue",
        about: "Danh mục mà hệ thống khác công bố: đã lấy gì, có gì thay đổi",
        args: &[],
        examples: &[(
            "lienthong catalogue diff",
            "thay đổi trong bảy ngày qua",
            "what changed within seven days",
        )],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "catalogue list",
        about: "Có những danh mục nào, bao nhiêu mục, lấy lúc nào",
        args: &[],
        examples: &[("lienthong catalogue list", "một dòng cho mỗi danh mục", "a line for each list")],
        ends: &[0, 2, 3],
    },
    Page {
        command: "catalogue pull",
        about: "Lấy danh mục ngay bây giờ; lấy không được thì giữ nguyên danh mục cũ",
        args: &[(
            "peers",
            "HỆ THỐNG",
            "Chỉ của các hệ thống này; không nêu thì mọi hệ thống trong [catalogues]",
        )],
        examples: &[(
            "lienthong catalogue pull portal",
            "không chờ đến đêm",
            "without waiting for the night",
        )],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "catalogue diff",
        about: "Mục nào được thêm, đổi tên, bãi bỏ",
        args: &[
            ("list", "DANH MỤC", "Chỉ trong danh mục này, như `procedures`"),
            (
                "since",
                "THỜI ĐIỂM",
                "Chỉ từ thời điểm này: 2026-11-22 hoặc 2026-11-22T08:00:00+07:00; không nêu thì bảy ngày qua",
            ),
        ],
        examples: &[(
            "lienthong catalogue diff procedures --since 2026-11-22",
            "thủ tục thay đổi từ hôm đó",
            "procedures that changed since that day",
        )],
        ends: &[0, 2, 3],
    },
    Page {
        command: "codes",
        about: "Mã của địa phương không có trong danh mục công bố, và mã quốc gia có thể tương ứng",
        args: &[],
        examples: &[("lienthong codes unmapped", "xem trước khi bị từ chối", "before they are refused")],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "codes unmapped",
        about: "Liệt kê mã trong các bản tin đã nhận mà danh mục công bố không có, sau khi đã qua các bảng mã",
        args: &[(
            "since",
            "THỜI ĐIỂM",
            "Chỉ bản tin từ thời điểm này: 2026-11-22 hoặc 2026-11-22T08:00:00+07:00; không nêu thì ba mươi ngày qua",
        )],
        examples: &[("lienthong codes unmapped", "của ba mươi ngày qua", "of the last thirty days")],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "codes suggest",
        about: "Gợi ý mã quốc gia cho từng mã chưa có, thành dòng sẵn cho bảng mã riêng; không tự áp dụng",
        args: &[(
            "since",
            "THỜI ĐIỂM",
            "Chỉ bản tin từ thời điểm này: 2026-11-22 hoặc 2026-11-22T08:00:00+07:00; không nêu thì ba mươi ngày qua",
        )],
        examples: &[(
            "lienthong codes suggest",
            "xem từng dòng rồi đưa vào /etc/lienthong/mappings/onestop/codes/procedure.yaml",
            "judge each line, then put it into the overlay's list",
        )],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "audit",
        about: "Nhật ký kiểm toán của các câu hỏi về công dân",
        args: &[],
        examples: &[
            ("lienthong audit verify", "nhật ký còn nguyên vẹn không", "is the trail whole"),
            ("lienthong audit find --number", "ai đã tra cứu công dân này", "who asked about this citizen"),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "audit find",
        about: "Ai đã tra cứu công dân này: mọi câu hỏi về một số, kèm cán bộ, thủ tục, hồ sơ và kết quả",
        args: &[
            (
                "number",
                "",
                "Theo số định danh hoặc số CMND, đọc từ đầu vào chuẩn: viết trên dòng lệnh thì số nằm lại trong lịch sử lệnh",
            ),
            (
                "folder",
                "THƯ MỤC",
                "Thư mục nhật ký, nếu không phải của cổng đang cấu hình (bản sao cất nơi khác)",
            ),
        ],
        examples: &[
            ("lienthong audit find --number", "hỏi số rồi liệt kê", "asks for the number, then lists"),
            (
                "lienthong audit find --number --json",
                "kết quả cho chương trình khác đọc; số có thể đưa qua đầu vào chuẩn",
                "the result for another program; the number may be piped in",
            ),
        ],
        ends: &[0, 2, 3],
    },
    Page {
        command: "audit verify",
        about: "Tính lại toàn bộ chuỗi và các mốc kiểm tra; hỏng ở đâu thì nêu tệp và dòng",
        args: &[
            (
                "folder",
                "THƯ MỤC",
                "Thư mục nhật ký, nếu không phải của cổng đang cấu hình (bản sao cất nơi khác)",
            ),
            ("heads", "SỐ:MÃ BĂM", "Đầu chuỗi mà nhật ký vận hành đã nêu (audit-head); có thể nêu nhiều lần"),
        ],
        examples: &[
            ("lienthong audit verify", "nhật ký còn nguyên vẹn không", "is the trail whole"),
            (
                "lienthong audit verify --folder /mnt/luu-tru/audit --json",
                "kiểm tra một bản sao, kết quả cho chương trình khác đọc",
                "check a copy, the result for another program",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "backup",
        about: "Sao lưu mọi thứ trừ khóa niêm phong vào một thư mục, trong khi cổng vẫn chạy",
        args: &[("folder", "THƯ MỤC", "Nơi ghi bản sao lưu; thư mục mới hoặc trống")],
        examples: &[(
            "lienthong backup /mnt/sao-luu/2026-11-22",
            "sao lưu; khóa niêm phong phải được cất riêng",
            "a backup; the sealing key has to be kept elsewhere",
        )],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "verify",
        about: "Kiểm tra bản sao lưu hoặc chính kho dữ liệu còn nguyên vẹn: mã băm, cơ sở dữ liệu, niêm phong, tệp, nhật ký kiểm toán",
        args: &[(
            "backup",
            "BẢN SAO LƯU",
            "Bản sao lưu; nếu không nêu thì kiểm tra thư mục dữ liệu, dù cổng đang chạy hay không",
        )],
        examples: &[
            ("lienthong verify", "kiểm tra kho dữ liệu đang dùng", "check the store that is in use"),
            (
                "lienthong verify /mnt/sao-luu/2026-11-22",
                "kiểm tra một bản sao lưu, hỏng ở đâu thì nêu hết",
                "check a backup; says all that is damaged",
            ),
        ],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "restore",
        about: "Khôi phục thư mục dữ liệu từ bản sao lưu; sau đó cổng khởi động ở trạng thái tạm dừng gửi",
        args: &[
            ("backup", "BẢN SAO LƯU", "Bản sao lưu; được kiểm tra trước khi dùng"),
            (
                "replace",
                "",
                "Nếu thư mục dữ liệu không trống: chuyển dữ liệu đang có vào thư mục con `replaced-…`, không xóa",
            ),
        ],
        examples: &[(
            "lienthong restore /mnt/sao-luu/2026-11-22",
            "khôi phục; phải dừng cổng trước",
            "restore; the gateway has to be stopped first",
        )],
        ends: &[0, 1, 2, 3],
    },
    Page {
        command: "purge",
        about: "Xóa những gì đã hết thời hạn lưu theo [retention]; cổng cũng tự làm mỗi ngày một lần",
        args: &[("dry_run", "", "Chỉ nêu những gì sẽ bị xóa; cổng đang chạy hay không đều được")],
        examples: &[
            ("lienthong purge --dry-run", "xem những gì sẽ bị xóa", "see what would go"),
            (
                "lienthong purge",
                "xóa ngay, không đợi đến lượt hằng ngày",
                "now, without waiting for the daily turn",
            ),
        ],
        ends: &[0, 1, 2, 3, 4],
    },
    Page {
        command: "resume",
        about: "Gửi tiếp những gì đang tạm dừng từ khi khôi phục bản sao lưu",
        args: &[],
        examples: &[(
            "lienthong resume",
            "sau khi các phần mềm đã gửi lại khoảng bị thiếu",
            "once the missing hours have been sent again by those who know them",
        )],
        ends: &[0, 1, 2, 3, 4],
    },
];
