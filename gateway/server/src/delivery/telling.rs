//! Who hears of the end of an attempt.

use gateway_core::dossier::DossierCode;
use gateway_core::fault::Blame;
use gateway_core::ids::Moment;
use gateway_core::pipeline::Settlement;
use gateway_core::redelivery::Later;

use super::talk::Talk;

impl Talk<'_> {
    /// The peer's availability, the caller that waits, metrics and log hear of it.
    pub(super) fn tell(&self, settlement: &Settlement, now: Moment) {
        let peer = self.room.name.as_str();
        self.app.metrics.settled.with_label_values(&[peer, settlement.name()]).inc();
        if let Settlement::Away { fault } = settlement {
            let later = Later { retry_after_ms: fault.retry_after_ms };
            if self.room.availability().failed(later, self.began, now, self.app.clock.jitter()) {
                tracing::warn!(event = "peer-away", peer, fault = %fault.code, cause = %fault.cause);
            }
        } else if self.heard && self.room.availability().succeeded(now) {
            // It answered: whatever it said to this message, it is there.
            tracing::info!(event = "peer-back", peer);
            self.room.bell.ring();
        }
        if let Settlement::Delivered { .. } = settlement {
            let seconds = now.millis_since(self.message.at) as f64 / 1000.0;
            self.app.metrics.delivered_seconds.with_label_values(&[peer]).observe(seconds.max(0.0));
        }
        let (verdicts, message) = (&self.app.verdicts, self.message.id);
        match settlement {
            Settlement::Delivered { .. } => verdicts.tell(message, Ok(())),
            // What our own side lacks is nothing the sender could mend: to it the message is accepted.
            Settlement::DeadLetter(fault) if fault.blame != Blame::Gateway => {
                verdicts.tell(message, Err(fault.clone()));
            }
            Settlement::DeadLetter(_) | Settlement::InDoubt(_) | Settlement::Hold(_) => {
                verdicts.let_go(message)
            }
            Settlement::RetryAt { .. } | Settlement::Away { .. } | Settlement::Superseded => {}
        }
        tracing::info!(
            event = "settled",
            settlement = settlement.name(),
            peer,
            message = %self.message.id,
            correlation = %self.message.correlation,
            dossier = self.message.dossier.as_ref().map(DossierCode::for_log),
            fault = settlement.fault().map(|fault| fault.code.as_ref()),
        );
    }
}
