//! What stands behind the `?`, and in forms.

use gateway_core::adapter::Pairs;

/// `a=1&b=%C3%A1`, with `+` for a space, as forms write it. What is not UTF-8 is replaced, never refused.
pub(crate) fn parse_query(query: &str) -> Pairs {
    let decode = |text: &str| {
        if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            return text.to_owned();
        }
        let bytes = text.as_bytes();
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
            match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
                (b'%', Some(byte)) => {
                    decoded.push(byte);
                    at += 3;
                    continue;
                }
                (b'+', _) => decoded.push(b' '),
                (byte, _) => decoded.push(byte),
            }
            at += 1;
        }
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_forms_write_them() {
        let pairs = parse_query("MaDinhDanhDV=000.00.00.H99&n=Nguy%E1%BB%85n+V&x&%zz=1");
        assert_eq!(pairs[0], ("MaDinhDanhDV".to_owned(), "000.00.00.H99".to_owned()));
        assert_eq!(pairs[1].1, "Nguyễn V");
        assert_eq!(pairs[2], ("x".to_owned(), String::new()));
        assert_eq!(pairs[3].0, "%zz");
    }
}
