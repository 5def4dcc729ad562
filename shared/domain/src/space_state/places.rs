//! Where people are, which a tenant may not want to be kept.

use super::SpaceState;

impl SpaceState {
    /// Forgets where people are, and how far apart, whatever sensor said so.
    pub fn forget_places(&mut self) {
        for sensor in self.sensors.values_mut() {
            sensor.coordinates = None;
            sensor.distances = None;
        }
    }
}
