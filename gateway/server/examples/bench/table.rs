//! The table: what, ours, the limit beside it, the ratio, the target, reached or not.

pub struct Table(Vec<Row>);

pub struct Row {
    what: String,
    ours: String,
    limit: String,
    ratio: String,
    target: String,
    reached: Option<bool>,
}

impl Table {
    pub fn new() -> Table {
        Table(Vec::new())
    }

    pub fn add(&mut self, row: Row) {
        // What takes minutes says early that it is alive; the table itself goes to standard output.
        eprintln!("  {} {} {}", row.what, row.ours, row.ratio);
        self.0.push(row);
    }

    pub fn print(self) {
        let head = Row::words("", "ours", "limit in the same run", "ratio", "target");
        let mut rows = vec![head];
        rows.extend(self.0);
        let width =
            |cell: fn(&Row) -> &String| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0);
        let (what, ours) = (width(|row| &row.what), width(|row| &row.ours));
        let (limit, ratio, target) =
            (width(|row| &row.limit), width(|row| &row.ratio), width(|row| &row.target));
        for (number, row) in rows.iter().enumerate() {
            let mark = match row.reached {
                Some(true) => "reached",
                Some(false) => "NOT REACHED",
                None => "",
            };
            let line = format!(
                "{:<what$}  {:>ours$}  {:<limit$}  {:>ratio$}  {:>target$}  {mark}",
                row.what, row.ours, row.limit, row.ratio, row.target
            );
            println!("{}", line.trim_end());
            if number == 0 {
                println!("{}", "─".repeat(what + ours + limit + ratio + target + 19));
            }
        }
    }
}

/// `12,345`.
fn grouped(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Row {
    fn words(what: &str, ours: &str, limit: &str, ratio: &str, target: &str) -> Row {
        let own = str::to_owned;
        Row {
            what: own(what),
            ours: own(ours),
            limit: own(limit),
            ratio: own(ratio),
            target: own(target),
            reached: None,
        }
    }

    /// A rate beside the rate that bounds it.
    pub fn share(what: &str, ours: f64, name: &str, limit: f64, target: Option<f64>) -> Row {
        let ratio = ours / limit;
        let said = target.map(|target| format!("≥ {:.0} %", target * 100.0)).unwrap_or_default();
        let limit = format!("{name} {}/s", grouped(limit));
        let ours = if what.is_empty() { String::new() } else { format!("{}/s", grouped(ours)) };
        Row {
            reached: target.map(|target| ratio >= target),
            ..Row::words(what, &ours, &limit, &format!("{:.1} %", ratio * 100.0), &said)
        }
    }

    /// A figure that must stay below its target.
    pub fn below(what: &str, ours: f64, target: f64, say: impl Fn(f64) -> String) -> Row {
        let said = format!("< {}", say(target));
        Row { reached: Some(ours < target), ..Row::words(what, &say(ours), "", "", &said) }
    }

    /// What it is seen beside.
    pub fn beside(self, limit: &str) -> Row {
        Row { limit: limit.to_owned(), ..self }
    }

    /// A figure without a target.
    pub fn plain(what: &str, ours: &str, note: &str) -> Row {
        Row::words(what, ours, note, "", "")
    }
}
