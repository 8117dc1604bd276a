//! Memory that is bounded: what is used stays, the rest is forgotten.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// A bounded map that forgets what was not used for longest, roughly: when the young half is full,
/// it becomes the old one, and what was old is forgotten unless it was used in the meantime.
pub(crate) struct Generations<K, V> {
    limit: usize,
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, young: HashMap::new(), old: HashMap::new() }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        if let Some(value) = self.young.get(key) {
            return Some(Arc::clone(value));
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, Arc::clone(&value));
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: Arc<V>) {
        if self.young.len() >= self.limit {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let mut cache = Generations::new(4);
        for number in 0..1000 {
            cache.insert(number, Arc::new(number));
            assert_eq!(cache.get(&0).as_deref(), Some(&0), "after {number}");
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(cache.get(&500), None);
        assert_eq!(cache.get(&999).as_deref(), Some(&999));
    }
}
