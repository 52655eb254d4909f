//! The token of MyVNPost: asked for with name, password and customer, carried in the header `token`.

use gateway_core::adapter::{Answer, Keys, Request, Secret, Session, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, Moment};
use serde_json::json;

use super::MyVnPost;
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

const LOG_IN: &str = "postal.log-in";
const TOKEN: &str = "token";

impl MyVnPost {
    /// The call that asks for a token. It carries the password, and so is never written down.
    pub(super) fn token_call(&self, account: &Account, keys: &Keys) -> Result<Request, Fault> {
        let key = |name: &str| {
            keys.of(account, name).map(Secret::reveal).ok_or_else(|| {
                let words = format!("chưa cấu hình khóa {name} của MyVNPost");
                Fault::new(LOG_IN, Blame::Gateway, Remedy::Later, words)
            })
        };
        let body = json!({
            "username": key("username")?, "password": key("password")?, "customerCode": self.settings.customer_code,
        });
        let path = format!("{}/GetAccessToken", self.settings.prefix);
        let call = Call {
            step: TOKEN,
            method: "POST",
            path: &path,
            query: Vec::new(),
            headers: Vec::new(),
            body: Some(body),
            account: false,
        };
        Ok(call.request())
    }

    /// The token in the answer.
    pub(super) fn token(&self, answer: &Answer, at: Moment) -> Result<Session, Fault> {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        if let Some(token) = wire::text(&body, "token").filter(|_| answer.status < 300) {
            let good_until = Some(at.plus_millis(i64::from(self.settings.session_seconds) * 1000));
            return Ok(Session { token: Secret::new(token), good_until });
        }
        Err(match self.outcome(answer) {
            // The service is away; its account may be in order.
            Outcome::Failed(fault) if matches!(fault.remedy, Remedy::Later | Remedy::Doubt) => {
                Fault { remedy: Remedy::Later, ..fault }
            }
            _ => {
                let words = "MyVNPost không nhận đăng nhập; kiểm tra tên, mật khẩu và mã khách hàng";
                Fault::new(LOG_IN, Blame::Peer, Remedy::Later, words).because(format!("HTTP {}", answer.status))
            }
        })
    }
}

/// Puts the token on a call that wants one.
pub(super) fn signed(request: &Request, keys: &Keys) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    if request.account.is_some() {
        let session = keys.session.ok_or_else(|| {
            Fault::new("postal.session", Blame::Gateway, Remedy::Renew, "chưa có mã truy cập MyVNPost")
        })?;
        ask.headers.push(pair(TOKEN, session.token.reveal()));
    }
    Ok(Signed::new(ask))
}
