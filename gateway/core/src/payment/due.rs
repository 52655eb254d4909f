//! What is still due of what was due: who is owed it says so again some time after it was paid, and until then nobody shall pay twice.

use serde_json::Value;

use super::Wanted;

/// Takes out of what is due what was paid since it was said: the very lines, or all of it where a payment without lines is as much. What
/// fits neither stays as whoever is owed it said; a person may have meant something else.
pub fn take_paid(due: &mut Value, paid: &[Wanted]) {
    let Some(lines) = due.get_mut("lines").and_then(Value::as_array_mut) else { return };
    let amount = |line: &Value| line.get("amount").and_then(Value::as_u64);
    // The same code, or where there is none the same name, and as much.
    let mark = |line: &Value| {
        let name = line.get("code").or_else(|| line.get("name")).and_then(Value::as_str).map(str::to_owned);
        name.zip(amount(line))
    };
    for payment in paid {
        let of_it: Vec<&Value> =
            payment.lines.as_array().map(|lines| lines.iter().collect()).unwrap_or_default();
        let all: Option<u64> = lines.iter().map(amount).sum();
        if of_it.is_empty() && all == Some(payment.amount) {
            lines.clear();
        }
        for paid in of_it {
            let same = |line: &Value| mark(line).is_some_and(|line| Some(line) == mark(paid));
            if let Some(place) = lines.iter().position(same) {
                lines.remove(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_paid_is_not_due_and_nothing_else_is_taken_from_it() {
        let line = |code: &str, amount: u64| json!({ "code": code, "name": "Lệ phí", "amount": amount });
        let paid = |amount: u64, lines: Value| Wanted { amount, currency: "VND".to_owned(), lines };
        let left = |paid: &[Wanted]| {
            let mut due = json!({ "lines": [line("A", 20_000), line("B", 30_000), line("B", 30_000)] });
            take_paid(&mut due, paid);
            due["lines"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| line["code"].as_str().unwrap().to_owned())
                .collect::<String>()
        };
        assert_eq!(left(&[]), "ABB");
        assert_eq!(left(&[paid(30_000, json!([line("B", 30_000)]))]), "AB");
        assert_eq!(
            left(&[
                paid(50_000, json!([line("A", 20_000), line("B", 30_000)])),
                paid(30_000, json!([line("B", 30_000)]))
            ]),
            ""
        );
        assert_eq!(left(&[paid(80_000, json!([]))]), "");
        for other in [
            paid(80_001, json!([])),
            paid(80_000, json!([line("C", 80_000)])),
            paid(20_000, json!([line("B", 20_000)])),
        ] {
            assert_eq!(left(&[other]), "ABB");
        }
    }
}
