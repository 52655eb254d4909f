//! `openapi`: the description of the doors, made from the data rooms.

use super::{Common, Ended, Outcome, list};
use crate::rules::Rules;

pub fn openapi(common: &Common) -> Outcome {
    let files = common.files()?;
    let rules = Rules::compile(&files).map_err(|defects| Ended::CannotStart(list(&defects)))?;
    say!("{:#}", crate::openapi::document(&rules, &files));
    Ok(())
}
