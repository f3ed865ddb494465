//! The pairs of PHP arrays, whatever their keys are. The iterators of ext-php-rs panic at a key that is not UTF-8.

use std::borrow::Cow;
use std::iter;

use ext_php_rs::convert::IntoZval;
use ext_php_rs::types::{ArrayKey, ZendHashTable, ZendStr, Zval};

/// The key of a pair: a number, or bytes.
pub(crate) struct Key(Zval);

impl Key {
    /// Returns the key as text; bytes that are not UTF-8 are replaced.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        let name = self.0.zend_str().map(ZendStr::as_bytes);
        name.map_or_else(|| self.index().to_string().into(), String::from_utf8_lossy)
    }

    /// Returns the number of a key that is one.
    pub(crate) fn number(&self) -> Option<i64> {
        self.0.long()
    }

    /// Puts a value beneath this key. Fails only if memory runs out, and then PHP ends the request.
    pub(crate) fn put(&self, table: &mut ZendHashTable, value: impl IntoZval) {
        let _ = match self.0.zend_str() {
            Some(name) => table.insert(ArrayKey::ZendString(name), value),
            None => table.insert_at_index(self.index(), value),
        };
    }

    fn index(&self) -> i64 {
        self.number().unwrap_or_default()
    }
}

/// Returns the keys and values of an array, in its order.
pub(crate) fn pairs(table: &ZendHashTable) -> impl Iterator<Item = (Key, &Zval)> {
    let mut entries = table.iter();
    iter::from_fn(move || entries.next_zval().map(|(key, value)| (Key(key), value)))
}

/// Returns the values of an array, in its order.
pub(crate) fn values(table: &ZendHashTable) -> impl Iterator<Item = &Zval> {
    pairs(table).map(|(_, value)| value)
}

/// Tells whether the keys of an array are 0, 1, 2 and so on.
pub(crate) fn is_list(table: &ZendHashTable) -> bool {
    (0..).zip(pairs(table)).all(|(place, (key, _))| key.number() == Some(place))
}
