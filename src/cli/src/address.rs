//! The address of a channel, as its owner types it.

use filesync_engine::HubUrl;
use url::Url;

use crate::problem::Problem;

/// What an address is, for help.
pub(crate) const URL_HELP: &str = "The channel's address, such as https://hub.example/channel/alice";

/// A channel on a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) hub: HubUrl,
    pub(crate) nick: String,
    /// The hub's name, for words.
    pub(crate) host: String,
}

impl Address {
    /// Reads `https://hub.example/channel/alice`, with or without the scheme, or `alice@hub.example`.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = || {
            Problem::usage("not_an_address", format!("{text} is not the address of a channel."))
                .remedy("It is what the browser shows on the channel's page, such as https://hub.example/channel/alice.")
        };
        let text = text.trim();
        let whole = match text.split_once('@') {
            Some((nick, host)) if !text.contains('/') => format!("https://{host}/channel/{nick}"),
            _ if text.contains("://") => text.to_owned(),
            _ => format!("https://{text}"),
        };
        let mut url = Url::parse(&whole).map_err(|_| wrong())?;
        url.set_query(None);
        url.set_fragment(None);
        let mut names: Vec<String> = url.path_segments().map(|names| names.map(str::to_owned).collect()).unwrap_or_default();
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        let (Some(nick), Some(word)) = (names.pop(), names.pop()) else { return Err(wrong()) };
        let is_nick = !nick.is_empty() && nick.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if word != "channel" || !is_nick {
            return Err(wrong());
        }
        url.set_path(&names.join("/"));
        Self::of(&url, nick).ok_or_else(wrong)
    }

    fn of(root: &Url, nick: String) -> Option<Self> {
        let host = root.host_str()?.to_owned();
        let host = root.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Some(Self { hub: HubUrl::parse(root.as_str()).ok()?, nick, host })
    }

    /// Returns the same channel on another root.
    pub(crate) fn moved_to(&self, hub: &HubUrl) -> Option<Self> {
        Self::of(&Url::parse(&hub.to_string()).ok()?, self.nick.clone())
    }

    /// Returns the address in its whole form.
    pub(crate) fn text(&self) -> String {
        format!("{}/channel/{}", self.hub, self.nick)
    }

    /// Tells whether bytes would travel in the clear.
    pub(crate) fn is_http(&self) -> bool {
        self.hub.to_string().starts_with("http://")
    }

    /// Tells whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        match Url::parse(&self.hub.to_string()).ok().as_ref().and_then(Url::host) {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_all_its_forms() {
        for (text, whole) in [
            ("https://hub.example/channel/alice", "https://hub.example/channel/alice"),
            ("hub.example/channel/alice/", "https://hub.example/channel/alice"),
            ("alice@hub.example", "https://hub.example/channel/alice"),
            ("https://host.example/social/channel/alice?f=1#x", "https://host.example/social/channel/alice"),
            ("http://127.0.0.1:8080/channel/alice", "http://127.0.0.1:8080/channel/alice"),
            ("https://bücher.example/channel/alice", "https://xn--bcher-kva.example/channel/alice"),
            ("https://[::1]:8443/channel/alice", "https://[::1]:8443/channel/alice"),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.text()).as_deref(), Ok(whole), "{text}");
        }
        for bad in [
            "",
            "alice",
            "https://hub.example",
            "https://hub.example/alice",
            "ftp://hub.example/channel/a",
            "https://u:p@h.example/channel/a",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        let is_loopback = |text: &str| Address::parse(text).unwrap().is_loopback();
        assert!(
            is_loopback("http://127.0.0.1/channel/a")
                && is_loopback("http://[::1]/channel/a")
                && is_loopback("localhost/channel/a")
        );
        assert!(!is_loopback("http://192.168.1.2/channel/a") && !is_loopback("hub.local/channel/a"));
    }
}
