//! Who stands in the hall: connections, counted in all and by the address they come from, over all listeners together.
//!
//! When the hall is full, further callers wait in the system's queue and are let in as others leave; one address that takes more
//! than its share is turned away at once, so that it cannot fill the hall for everybody. In memory only.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// The places of all listeners.
pub struct Hall {
    room: Arc<Semaphore>,
    per_address_max: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One of the connections of an address, until it is dropped.
pub(super) struct Place {
    hall: Arc<Hall>,
    address: IpAddr,
}

impl Hall {
    /// An empty one.
    pub fn new(limits: &Limits) -> Arc<Hall> {
        Arc::new(Hall {
            room: Arc::new(Semaphore::new(limits.connections_max)),
            per_address_max: limits.connections_per_address_max,
            by_address: Mutex::default(),
        })
    }

    /// Waits until there is room for one more.
    pub(super) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        self.room.clone().acquire_owned().await.ok()
    }

    /// A place for a connection from there; none if its address has its share.
    pub(super) fn place(self: &Arc<Hall>, address: IpAddr) -> Option<Place> {
        let address = household(address);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.per_address_max {
            return None;
        }
        *count += 1;
        Some(Place { hall: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.hall.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: of IPv6 a /64, because every house has that many.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gives_it_back() {
        let limits = Limits { connections_per_address_max: 2, ..Limits::default() };
        let hall = Hall::new(&limits);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut places = Vec::new();
        for (address, fits) in [
            ("10.0.0.1", true),
            ("10.0.0.1", true),
            ("10.0.0.1", false),
            ("10.0.0.2", true),
            ("2001:db8::1", true),
            ("2001:db8::2", true),
            ("2001:db8::3", false),
            ("2001:db8:0:1::3", true),
        ] {
            let place = hall.place(ip(address));
            assert_eq!(place.is_some(), fits, "{address}");
            places.extend(place);
        }
        places.clear();
        assert!(hall.by_address.lock().unwrap().is_empty());
    }
}
