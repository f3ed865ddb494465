//! Requests that a hub understands: getfile, its API, `/dav`, and tickets if it has filesync. Values; no I/O.

use std::fmt;
use std::ops::Range;

use url::Url;

use crate::digest::Digest;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::signature::{Identity, Secret};

/// A hub's root URL, possibly in a sub-directory, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HubUrl(Url);

impl HubUrl {
    /// Parses a root URL: http or https, a host, no user, query or fragment.
    ///
    /// # Errors
    ///
    /// `Unsupported` for another scheme, `InvalidInput` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let rejected = |kind, fault: &str| {
            Error::new(kind, "reading a hub's URL")
                .context("url", text.split(['?', '#']).next().unwrap_or_default())
                .context("fault", fault)
        };
        let mut url = Url::parse(text).map_err(|error| rejected(ErrorKind::InvalidInput, &error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(rejected(ErrorKind::Unsupported, "neither https nor http"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                Error::new(ErrorKind::InvalidInput, "reading a hub's URL").context("fault", "a user name or password in it")
            );
        }
        if url.host_str().is_none_or(str::is_empty) || url.query().is_some() || url.fragment().is_some() {
            return Err(rejected(ErrorKind::InvalidInput, "no host, or a query or fragment"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Returns the URL of a page beneath the root; each segment is escaped.
    pub(crate) fn page<'s>(&self, segments: impl IntoIterator<Item = &'s str>) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Returns the root as a parsed URL.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for HubUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// A request that is ready to send.
#[derive(Debug)]
pub(crate) struct SignedRequest {
    /// The address.
    pub url: Url,
    /// Header names and values; values may be secret.
    pub headers: Vec<(&'static str, Secret)>,
    /// Form fields or JSON; none for a GET.
    pub body: Option<Secret>,
}

/// Returns the value of the `Host` header for a URL.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns the request target, as a server sees it.
fn target_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

const ACCEPT: &str = "application/x-zot+json";

/// Builds the request for a file (`scale` 0) or one of a photo's scales.
///
/// It carries two proofs: the signed header, and the bare signature of `hash.time` for servers that lose the header.
///
/// # Errors
///
/// `InvalidInput` if the key cannot sign.
pub(crate) fn getfile(
    identity: &Identity,
    hub: &HubUrl,
    resource: &str,
    scale: u8,
    unix_time: i64,
    token: u64,
) -> Result<SignedRequest> {
    let url = hub.page(["getfile"]);
    let time = jiff::Timestamp::from_second(unix_time)
        .or_fail(ErrorKind::InvalidInput, "reading the clock")?
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string();
    let body_signature = identity.key.sign_sha256_base64url(&format!("{}.{time}", identity.channel_hash))?;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("hash", &identity.channel_hash)
        .append_pair("time", &time)
        .append_pair("resource", resource)
        .append_pair("revision", "0")
        .append_pair("signature", body_signature.reveal());
    if scale > 0 {
        form.append_pair("resolution", &scale.to_string());
    }
    let token = format!("{token:016x}");
    let authorization =
        identity.authorization("POST", &target_of(&url), &host_of(&url), &[("accept", ACCEPT), ("sigtoken", &token)])?;
    Ok(SignedRequest {
        headers: vec![
            ("accept", Secret::new(ACCEPT.to_owned())),
            ("sigtoken", Secret::new(token)),
            ("authorization", authorization),
            ("content-type", Secret::new("application/x-www-form-urlencoded".to_owned())),
        ],
        url,
        body: Some(Secret::new(form.finish())),
    })
}

/// Returns the API's URL for the facts of one file.
pub(crate) fn filemeta_url(hub: &HubUrl, hash: &str) -> Url {
    let mut url = hub.page(["api", "z", "1.0", "filemeta"]);
    url.query_pairs_mut().append_pair("file_id", hash);
    url
}

/// Returns the API's URL for a range of one file.
pub(crate) fn filedata_url(hub: &HubUrl, hash: &str, range: &Range<u64>) -> Url {
    let mut url = hub.page(["api", "z", "1.0", "filedata"]);
    url.query_pairs_mut()
        .append_pair("file_id", hash)
        .append_pair("start", &range.start.to_string())
        .append_pair("length", &(range.end - range.start).to_string());
    url
}

/// Builds a signed API request; its reply carries the cookie of a session as the channel.
///
/// # Errors
///
/// `InvalidInput` if the key cannot sign.
pub(crate) fn api_login(identity: &Identity, url: Url, token: u64) -> Result<SignedRequest> {
    let token = format!("{token:016x}");
    let whole = url.as_str().to_owned();
    let authorization =
        identity.authorization("GET", &target_of(&url), &host_of(&url), &[("x-api-token", &token), ("x-api-request", &whole)])?;
    Ok(SignedRequest {
        headers: vec![
            ("x-api-token", Secret::new(token)),
            ("x-api-request", Secret::new(whole)),
            ("authorization", authorization),
        ],
        url,
        body: None,
    })
}

/// The version of the protocol of hubs with filesync.
pub(crate) const VERSION: u32 = 2;

/// Builds the request for tickets from its JSON body; the signature covers path, host and body.
///
/// # Errors
///
/// `InvalidInput` if the key cannot sign.
pub(crate) fn ticket_request(identity: &Identity, hub: &HubUrl, body: String) -> Result<SignedRequest> {
    let url = hub.page(["getfile", "ticket"]);
    let digest = Digest::of(body.as_bytes());
    let text = format!("filesync {VERSION} ticket\nPOST\n{}\n{}\n{digest}", url.path(), host_of(&url));
    Ok(SignedRequest {
        headers: vec![
            ("content-type", Secret::new("application/json".to_owned())),
            ("filesync-signature", Secret::new(identity.key.sign_apart(&text)?.reveal().to_owned())),
        ],
        url,
        body: Some(Secret::new(body)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{ChannelKey, tests::fresh_key};

    fn identity() -> Identity {
        Identity::new("channelhash", "https://b.example/channel/alice", ChannelKey::from_pem(&fresh_key().0).unwrap()).unwrap()
    }

    #[test]
    fn hub_urls_are_roots_and_nothing_else() {
        assert_eq!(HubUrl::parse("https://A.example/hub/").unwrap().to_string(), "https://a.example/hub");
        assert_eq!(HubUrl::parse("https://a.example").unwrap().page(["getfile"]).as_str(), "https://a.example/getfile");
        for (bad, kind) in [
            ("ftp://a.example", ErrorKind::Unsupported),
            ("file:///etc/passwd", ErrorKind::Unsupported),
            ("https://u:p@a.example", ErrorKind::InvalidInput),
            ("https://a.example?x=1", ErrorKind::InvalidInput),
            ("a.example", ErrorKind::InvalidInput),
        ] {
            assert_eq!(HubUrl::parse(bad).unwrap_err().kind(), kind, "{bad}");
        }
        assert!(!HubUrl::parse("https://u:hidden@a.example").unwrap_err().to_string().contains("hidden"));
    }

    #[test]
    fn names_are_escaped_as_path_segments() {
        let hub = HubUrl::parse("https://a.example/hub").unwrap();
        let url = hub.page(["dav", "alice", "a b/c", "50% #1?.txt", "größe"]);
        assert_eq!(url.as_str(), "https://a.example/hub/dav/alice/a%20b%2Fc/50%25%20%231%3F.txt/gr%C3%B6%C3%9Fe");
    }

    #[test]
    fn getfile_carries_both_proofs_and_the_scale() {
        let hub = HubUrl::parse("http://a.example:8080").unwrap();
        let request = getfile(&identity(), &hub, "9c0d-1", 3, 1_714_552_800, 7).unwrap();
        let form = request.body.unwrap();
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(form.reveal().as_bytes()).into_owned().collect();
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["hash", "time", "resource", "revision", "signature", "resolution"]);
        assert_eq!(fields[1].1, "2024-05-01 08:40:00");
        assert!(!fields[4].1.starts_with("sha256."));
        let authorization = &request.headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
        assert!(authorization.reveal().contains("headers=\"(request-target) host accept sigtoken\""));
    }

    #[test]
    fn a_request_shows_no_secret_in_debug() {
        let hub = HubUrl::parse("https://a.example").unwrap();
        let request = getfile(&identity(), &hub, "x", 0, 0, 7).unwrap();
        let shown = format!("{request:?}");
        assert!(!shown.contains("signature") && !shown.contains("keyId"), "{shown}");
    }
}
