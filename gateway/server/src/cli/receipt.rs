//! `receipt`: the code that stands on a citizen's receipt. It follows from the dossier's code and the sealing key; the gateway may run or not.

use clap::Args;
use gateway_core::dossier::DossierCode;
use serde_json::json;

use super::{Common, Ended, Outcome};
use crate::app;

#[derive(Args)]
pub struct Receipt {
    /// Codes of dossiers, as they are printed
    #[arg(required = true)]
    dossiers: Vec<String>,
}

pub fn receipt(common: &Common, args: Receipt) -> Outcome {
    let (current, old) = app::sealing_keys(&common.load()?).map_err(Ended::CannotStart)?;
    let keys = app::receipt_keys(&current, &old);
    let lang = common.lang();
    let unusable = |code: &String| {
        Ended::Misused(format!("{}: {code}", lang.pick("không phải mã hồ sơ", "not a dossier's code")))
    };
    let dossiers = args.dossiers.iter().map(|code| DossierCode::new(code).ok_or_else(|| unusable(code)));
    let dossiers: Vec<DossierCode> = dossiers.collect::<Result<_, _>>()?;
    if common.json {
        let rows =
            dossiers.iter().map(|code| json!({ "dossier": code.as_str(), "receiptCode": keys.code(code) }));
        say!("{:#}", serde_json::Value::from_iter(rows));
        return Ok(());
    }
    for dossier in &dossiers {
        say!("{}  {}", dossier.as_str(), keys.code(dossier));
    }
    Ok(())
}
