//! Which fields of an item can point at a hub. Only `body` is signed.

/// How a field holds its URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// bbcode, Markdown, HTML, or one URL.
    Text,
    /// JSON text, or the array decoded from it.
    Json,
    /// The item's terms: a list, each with a `url`.
    Terms,
}

/// Returns how a field of an item, named like the hub's column or the packet's key, holds URLs; none if it holds no URLs that
/// may be rewritten, such as `mid`, `uuid`, `parent_mid`, `thr_parent` and `llink`.
pub fn field(name: &str) -> Option<Field> {
    match name {
        "body" | "summary" | "plink" | "permalink" => Some(Field::Text),
        "obj" | "object" | "target" | "attach" => Some(Field::Json),
        "term" | "tags" => Some(Field::Terms),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_rewritten() {
        for id in
            ["mid", "uuid", "parent_mid", "thr_parent", "message_id", "message_top", "message_parent", "llink", "sig", "author"]
        {
            assert_eq!(field(id), None, "{id}");
        }
        assert_eq!((field("body"), field("obj"), field("term")), (Some(Field::Text), Some(Field::Json), Some(Field::Terms)));
    }
}
