use super::*;
use proptest::prelude::*;

const H: &str = "9c0d1e2f-1111-4222-8333-444455556666";

fn home(url: &str, nick: &str) -> Home {
    Home::new(HubUrl::parse(url).unwrap(), nick).unwrap()
}

fn move_to_b() -> Relocation {
    Relocation::new(home("https://a.example", "alice"), home("https://b.example/hub", "alicia"), Some([H.to_owned()].into()))
}

#[track_caller]
fn becomes(before: &str, after: &str) {
    let relocation = move_to_b();
    assert_eq!(relocation.text(before), after);
    assert_eq!(relocation.text(after), after, "twice is once");
    assert_eq!(relocation.reversed().text(after), before, "there and back");
}

#[track_caller]
fn stays(text: &str) {
    assert!(matches!(move_to_b().text(text), Cow::Borrowed(same) if same == text), "{}", move_to_b().text(text));
}

#[test]
fn media_and_own_pages_move_and_the_nick_with_them() {
    for (path, moved) in [
        (format!("/photo/{H}-2.jpg"), format!("/photo/{H}-2.jpg")),
        (format!("/photo/{H}"), format!("/photo/{H}")),
        (format!("/attach/{H}/0?token=x"), format!("/attach/{H}/0?token=x")),
        (format!("/photos/alice/image/{H}"), format!("/photos/alicia/image/{H}")),
        ("/photos/alice/album/f0a1".into(), "/photos/alicia/album/f0a1".into()),
        ("/album/alice/f0a1".into(), "/album/alicia/f0a1".into()),
        ("/cloud/alice/2024/a%20b.pdf".into(), "/cloud/alicia/2024/a%20b.pdf".into()),
        ("/channel/alice".into(), "/channel/alicia".into()),
        ("/channel/alice?f=&mid=x#y".into(), "/channel/alicia?f=&mid=x#y".into()),
    ] {
        becomes(&format!("https://a.example{path}"), &format!("https://b.example/hub{moved}"));
    }
}

#[test]
fn every_markup_that_hubs_write_is_seen() {
    for text in [
        "[zrl=https://a.example/photos/alice/image/@]cat[/zrl]",
        "[url=https://a.example/cloud/alice/x.pdf]https://a.example/cloud/alice/x.pdf[/url]",
        "[zmg=640x480]https://a.example/photo/@-2.jpg[/zmg]",
        "[zmg=https://a.example/photo/@-2.jpg]alt text[/zmg]",
        "[img]https://a.example/photo/@-1.png[/img][zvideo]https://a.example/attach/@[/zvideo]",
        "[zaudio]https://a.example/attach/@[/zaudio]",
        "[zrl=https://a.example/profile/alice][zmg=150x150]https://a.example/photo/@-4[/zmg][/zrl]",
        "![alt](https://a.example/photo/@-2.jpg) and <https://a.example/channel/alice>",
        "<a href='https://a.example/channel/alice'><img src=\"https://a.example/photo/@-2.jpg\"></a>",
        "see https://a.example/channel/alice. Or (https://a.example/channel/alice), https://a.example/channel/alice!",
    ] {
        let before = text.replace('@', H);
        becomes(&before, &before.replace("a.example", "b.example/hub").replace("/alice", "/alicia"));
    }
}

#[test]
fn ids_other_people_and_other_hosts_stay() {
    for text in [
        "https://a.example/item/5f1d",
        "https://a.example/activity/5f1d",
        "https://a.example/conversation/5f1d",
        "https://a.example/followers/alice",
        "https://a.example/photo/profile/l/2",
        "https://a.example/photo/ffffffff-1111-4222-8333-444455556666-2.jpg",
        "https://a.example/channel/alicent",
        "https://a.example/channel/alice.photos",
        "https://a.example/channel/alice%20b",
        "https://a.example/channel/alic\u{e9}",
        "https://a.example/channel/bob",
        "https://a.example/profile/bob",
        "https://a.example/cloud/bob/alice/x",
        "https://a.example.evil.test/channel/alice",
        "https://evil.test/https.a.example/channel/alice",
        "https://user@a.example/channel/alice",
        "https://@a.example/channel/alice",
        "https://a.example:8443/channel/alice",
        "http://a.example/channel/alice",
        "https://xa.example/channel/alice",
        "https://other.test/alice/x",
        "xhttps://a.example/channel/alice",
        "https://a.example",
        "a.example/channel/alice",
    ] {
        stays(text);
    }
}

#[test]
fn an_explicit_default_port_and_capitals_are_the_same_origin() {
    assert_eq!(move_to_b().text("HTTPS://A.Example:443/channel/alice"), "https://b.example/hub/channel/alicia");
}

#[test]
fn a_sub_directory_is_part_of_the_origin() {
    let back = move_to_b().reversed();
    assert_eq!(back.text("https://b.example/hub/channel/alicia"), "https://a.example/channel/alice");
    for other in
        ["https://b.example/channel/alicia", "https://b.example/hubbub/channel/alicia", "https://b.example/other/channel/alicia"]
    {
        assert_eq!(back.text(other), other);
    }
}

#[test]
fn a_sub_directory_may_have_characters_that_end_a_url_elsewhere() {
    let there = Relocation::new(home("https://a.example/it's(1)", "alice"), home("https://b.example", "alicia"), None);
    let before = "<a href=\"https://a.example/it's(1)/channel/alice\">x</a>";
    let after = "<a href=\"https://b.example/channel/alicia\">x</a>";
    assert_eq!((there.text(before).as_ref(), there.reversed().text(after).as_ref()), (after, before));
    let cut = "[img]https://a.example/it's(1)/photo/1[/img]";
    assert_eq!(there.text(cut), cut, "an apostrophe ends a URL there");
}

#[test]
fn shared_posts_stay_as_their_authors_wrote_them() {
    let share = "[share author='x' link='https://a.example/channel/alice']https://a.example/channel/alice [share]inner[/share] end[/share]";
    let text = format!("https://a.example/channel/alice {share} https://a.example/channel/alice");
    becomes(&text, &format!("https://b.example/hub/channel/alicia {share} https://b.example/hub/channel/alicia"));
    stays("[SHARE]https://a.example/channel/alice");
    for other in ["[shared]", "x:share]", "[/share]", "[share]x[/share]:share]", "[share]x[share]y[/share][/share]"] {
        becomes(&format!("{other}https://a.example/channel/alice"), &format!("{other}https://b.example/hub/channel/alicia"));
    }
    stays("[share]x[share]y[/share]https://a.example/channel/alice");
}

#[test]
fn json_keeps_its_own_style_byte_for_byte() {
    let json = r#"{"b": 1.0, "a":1e3,"n":12345678901234567890, "href":"https:\/\/a.example\/channel\/alice","k":"https://a.example/channel/alice","https://a.example/channel/alice":"key","u":"\u00e9 https:\/\/a.example\/channel\/alice","v":"é https://a.example/channel/alice","id":"https:\/\/a.example\/item\/x","list":["\"https://a.example/channel/alice\\"]}"#;
    let moved = move_to_b().json(json).unwrap();
    let expected = json
        .replace(r"https:\/\/a.example\/channel\/alice", r"https:\/\/b.example\/hub\/channel\/alicia")
        .replace("https://a.example/channel/alice", "https://b.example/hub/channel/alicia")
        .replace(r#""https://b.example/hub/channel/alicia":"key""#, r#""https://a.example/channel/alice":"key""#);
    assert_eq!(moved, expected);
    assert_eq!(move_to_b().json(&moved).unwrap(), moved);
    assert_eq!(move_to_b().reversed().json(&moved).unwrap(), json);
    assert_eq!(move_to_b().json("{'no json'}").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_json_string_may_mix_its_escapes_and_keeps_each() {
    for (before, after) in [
        // PHP, JavaScript, Go, .NET, upper and lower case, all kinds in one string.
        (r#"["https:\/\/a.example/channel\/alice é"]"#, r#"["https:\/\/b.example\/hub/channel\/alicia é"]"#),
        (r#"["https:\/\/a.example\/channel\/alice\n"]"#, r#"["https:\/\/b.example\/hub\/channel\/alicia\n"]"#),
        (
            r#"["https://a.example/channel/alice\u0026x=\u003cb\u003e"]"#,
            r#"["https://b.example/hub/channel/alicia\u0026x=\u003cb\u003e"]"#,
        ),
        (
            r#"["\u003Ca href=\u0022https://a.example/channel/alice\u0022\u003E"]"#,
            r#"["\u003Ca href=\u0022https://b.example/hub/channel/alicia\u0022\u003E"]"#,
        ),
        (
            r#"["https:\u002F\u002Fa.example\u002Fchannel\u002falice"]"#,
            r#"["https:\u002F\u002Fb.example\u002Fhub\u002Fchannel\u002falicia"]"#,
        ),
        (r#"["https\u003a//a.example\u002fchannel/alice"]"#, r#"["https\u003a//b.example/hub\u002fchannel/alicia"]"#),
        (r#"["\"https:\/\/a.example\/channel\/alice\" \/\\"]"#, r#"["\"https:\/\/b.example\/hub\/channel\/alicia\" \/\\"]"#),
        (
            r#"["\u00e9\u00E9\ud83d\uDE00 https://a.example/channel/alice \u00e9"]"#,
            r#"["\u00e9\u00E9\ud83d\uDE00 https://b.example/hub/channel/alicia \u00e9"]"#,
        ),
        (
            r#"["\ud83d https://a.example/channel/alice \ude00\ud83dx"]"#,
            r#"["\ud83d https://b.example/hub/channel/alicia \ude00\ud83dx"]"#,
        ),
        (
            r#"["\u0041\b\f\n\r\t\u0000\u001F\u007f\u2028 https://a.example/channel/alice"]"#,
            r#"["\u0041\b\f\n\r\t\u0000\u001F\u007f\u2028 https://b.example/hub/channel/alicia"]"#,
        ),
        (r#"["https://\u0061.example/channel/\u0061lice."]"#, r#"["https://b.example/hub/channel/\u0061licia."]"#),
        (
            "[ 1.0 , 1E+2,\t-0,\r\n\"https://a.example/channel/alice\" ,1e5 , 0.10 ]",
            "[ 1.0 , 1E+2,\t-0,\r\n\"https://b.example/hub/channel/alicia\" ,1e5 , 0.10 ]",
        ),
        (
            r#"["\u003ca\u003e https://a.example/photo/@-2.jpg\u0026y https://a.example/photo/@-1.jpg"]"#,
            r#"["\u003ca\u003e https://b.example/hub/photo/@-2.jpg\u0026y https://b.example/hub/photo/@-1.jpg"]"#,
        ),
    ] {
        let (before, after) = (before.replace('@', H), after.replace('@', H));
        let moved = move_to_b().json(&before).unwrap();
        assert_eq!(moved, after);
        assert_eq!(move_to_b().json(&moved).unwrap(), moved, "twice is once");
        let letters_stay = !before.contains(r"\u0061");
        if letters_stay {
            assert_eq!(move_to_b().reversed().json(&moved).unwrap(), before, "there and back");
        }
    }
}

#[test]
fn what_json_is_looked_at_grows_with_its_length_and_not_faster() {
    let url = format!("https://a.example/photo/{H}-2.jpg ");
    let other = "https://c.example/x?u=https://a.example/channel/alice ".to_owned();
    let inside = "https://a.example/channel/alice?u=".to_owned();
    let brackets = "(https://c.example/".to_owned();
    let stars = "*https://a.example/channel/alice_*_*".to_owned();
    let open = "[share]https://a.example/channel/alice".to_owned();
    for piece in [url, other, inside, brackets, stars, open] {
        type Habit = fn(&str) -> String;
        let habits: [(&str, Habit); 4] = [
            ("bare", |text| text.to_owned()),
            ("slashes", |text| text.replace('/', "\\/")),
            ("slashes and more", |text| format!("\\n{}", text.replace('/', "\\/"))),
            ("hexadecimal", |text| text.replace('/', "\\u002F")),
        ];
        for (habit, escaped) in habits {
            let looked_at = |count: usize| {
                let json = format!("[\"{}\"]", escaped(&piece.repeat(count)));
                let looked = Looked::default();
                move_to_b().json_looked_at(&json, &looked).unwrap();
                looked.bytes()
            };
            let (one, two) = (looked_at(1000), looked_at(2000));
            assert!(one > 1000 * piece.len() as u64 / 2, "{habit}, {piece}: the count counts: {one}");
            assert!(two * 10 <= one * 23, "{habit}, {piece}: {one} bytes looked at, {two} for twice as much");
        }
    }
}

#[test]
fn what_stands_inside_another_url_is_that_urls() {
    for text in [
        "[url=https://archive.example/web/2024/https://a.example/photo/@-2.jpg]as it was then[/url]",
        "https://share.example/intent?url=https://a.example/channel/alice&text=hi",
        "https://a.example/photo/other-2.jpg?back=https://a.example/photo/@-2.jpg",
        "https://c.example/magic?dest=https://a.example/cloud/alice/x.pdf",
        "https://c.example/?x=1&amp;url=https://a.example/channel/alice",
        "https://c.example/?x=1;url=https://a.example/channel/alice",
        "https://c.example/#https://a.example/channel/alice",
        "https://c.example/x,https://a.example/channel/alice",
        "https://c.example/a(b)/https://a.example/channel/alice",
        "https://c.example/?a*b_c~d!e=https://a.example/channel/alice",
        "https://[2001:db8::1]/web/https://a.example/channel/alice",
        "https://c.example/é/https://a.example/channel/alice",
        "<https://c.example/?u=https://a.example/channel/alice>",
        "<a href=\"https://c.example/?u='https://a.example/channel/alice'\">",
        "<a href='https://c.example/[x]/https://a.example/channel/alice'>",
        "<img src=https://c.example/proxy?u=https://a.example/photo/@-2.jpg>",
        "[img]https://proxy.example/?u=https://a.example/photo/@-2.jpg[/img]",
        "[zrl=https://c.example/?a[]=https://a.example/channel/alice]x[/zrl]",
        "[t](https://c.example/(https://a.example/channel/alice))",
        "![t](https://c.example/{https://a.example/channel/alice})",
        "www.c.example/?url=https://a.example/channel/alice",
        "/magic?dest=https://a.example/cloud/alice/x.pdf",
        "c.example/web/https://a.example/channel/alice",
        "ftp://c.example/https://a.example/channel/alice",
        "xhttps://c.example/https://a.example/channel/alice",
        "HTTPS://C.Example/https://a.example/channel/alice",
        "mailto:bob@c.example?body=https://a.example/channel/alice",
        "https://a.example/magic?dest=https://a.example/channel/alice",
    ] {
        stays(&text.replace('@', H));
    }
}

#[test]
fn where_a_url_begins_and_ends_is_told_by_the_markup() {
    for text in [
        "**https://a.example/channel/alice**",
        "*https://a.example/channel/alice*",
        "***https://a.example/channel/alice***",
        "_https://a.example/channel/alice_",
        "__https://a.example/channel/alice__",
        "~~https://a.example/channel/alice~~",
        "_https://a.example/photo/@_ and **https://a.example/photo/@**",
        "_https://a.example/attach/@_, ~https://a.example/photo/@-2_~",
        "_(https://a.example/channel/alice)_ *see https://a.example/channel/alice*.",
        "**\"https://a.example/channel/alice\"** *'https://a.example/channel/alice'*",
        "[b]https://a.example/channel/alice[/b] [b]**https://a.example/channel/alice**[/b]",
        "**[https://a.example/channel/alice](https://a.example/channel/alice)**",
        "(https://a.example/cloud/alice/a_(1).pdf) (*https://a.example/channel/alice*)",
        "`https://a.example/channel/alice` | https://a.example/channel/alice|",
        "https://a.example/channel/alice?! https://a.example/channel/alice: https://a.example/channel/alice…",
        "\u{201c}https://a.example/channel/alice\u{201d} \u{300c}https://a.example/channel/alice\u{300d}\u{3002}",
        "&lt;https://a.example/channel/alice&gt; &quot;https://a.example/channel/alice&quot;",
        "&quot;https://c.example/x&quot;,&quot;https://a.example/channel/alice&quot;",
        "(https://c.example/x)https://a.example/channel/alice [c](https://c.example)(https://a.example/channel/alice)",
        "<https://c.example><https://a.example/channel/alice>",
        "[url=https://c.example/x]https://a.example/channel/alice[/url][url]https://a.example/channel/alice[/url]",
        "[share.x=https://a.example/channel/alice] [img src=https://a.example/photo/@-2.jpg]",
        "<a href=https://a.example/channel/alice>x</a> <a title=\"\"href=https://a.example/channel/alice>x</a>",
        "<p style=\"background:url(https://a.example/photo/@-2.jpg)\">",
        "srcset=\"https://a.example/photo/@-2.jpg 1x, https://a.example/photo/@-1.jpg 2x\"",
        "url = https://a.example/channel/alice, url=https://a.example/channel/alice",
        "{\"a\":\"https://c.example/x\",\"b\":\"https://a.example/channel/alice\"}",
        "#^https://a.example/channel/alice siehe:https://a.example/channel/alice",
        "https://a.example/channel/alice?u=https://a.example/photo/@-2.jpg",
        "https://a.example/cloud/alice/x?u=https://c.example/1",
    ] {
        let before = text.replace('@', H);
        let after = before.replace("a.example", "b.example/hub").replace("/alice", "/alicia");
        becomes(&before, &after);
    }
    // Within quotes, brackets of bbcode and the like every character counts.
    for text in [
        "[url=https://a.example/channel/alice_]x[/url]",
        "[url]https://a.example/channel/alice_[/url]",
        "<a href=\"https://a.example/channel/alice_\">",
        "<https://a.example/channel/alice_>",
        "[x](https://a.example/channel/alice_)",
        "_https://a.example/channel/alice_b_ **https://a.example/channel/alice-**",
        "**https://a.example/channel/alice**b",
        "_https://a.example/photo/ffffffff-1111-4222-8333-444455556666_",
    ] {
        stays(text);
    }
    let own = "https://a.example/channel/alice?x=https://c.example/https://a.example/channel/alice";
    becomes(own, &own.replacen("a.example/channel/alice", "b.example/hub/channel/alicia", 1));
}

#[test]
fn a_nick_may_end_as_emphasis_does() {
    let there = Relocation::new(home("https://a.example", "al_"), home("https://b.example", "bo"), None);
    for text in ["https://a.example/channel/al_", "_https://a.example/channel/al__", "*https://a.example/channel/al_*"] {
        let moved = text.replace("a.example", "b.example").replace("al_", "bo");
        assert_eq!(there.text(text), moved);
        assert_eq!(there.reversed().text(&moved), text);
    }
}

#[test]
fn the_hashes_that_a_text_names_are_found_in_both_slash_habits() {
    let hub = HubUrl::parse("https://a.example").unwrap();
    let text = format!(r"https:\/\/a.example\/photo\/{H}-2.jpg https://a.example/attach/abc https://b.example/attach/no");
    let expected: HashSet<String> = [H.to_owned(), format!("{H}-2"), "abc".into()].into();
    assert_eq!(media_hashes(&hub, &text), expected);
}

/// Text around URLs, with much that looks like them.
fn written() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("https://a.example".to_owned()),
        2 => Just("https://c.example".to_owned()),
        1 => Just("www.c.example/".to_owned()),
        3 => Just("/channel/alice".to_owned()),
        1 => Just("/cloud/alice/".to_owned()),
        2 => Just(format!("/photo/{H}-2.jpg")),
        1 => Just(format!("/attach/{H}")),
        1 => Just("[share]".to_owned()),
        1 => Just("[/share]".to_owned()),
        1 => Just("[url=".to_owned()),
        1 => Just("<a href='".to_owned()),
        1 => Just("](".to_owned()),
        1 => Just("?u=".to_owned()),
        1 => Just("&quot;".to_owned()),
        2 => "[*_~]{1,3}",
        4 => "[\\[\\]()<>/ .,;!?#&=a-c\"'\\\\é\u{201d}\u{3002}*_~-]{0,4}",
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// A URL of the origin or of another hub, and what may be behind it.
fn url() -> impl Strategy<Value = String> {
    let root = prop_oneof![
        6 => Just("https://a.example"),
        1 => Just("https://b.example/hub"),
        1 => Just("https://a.example:443"),
        1 => Just("HTTPS://a.example"),
        1 => Just("https://www.a.example"),
    ];
    let piece = prop_oneof![
        2 => Just("/channel/alice".to_owned()),
        1 => Just("/cloud/alice".to_owned()),
        3 => Just(format!("/photo/{H}-2.jpg")),
        2 => Just(format!("/attach/{H}")),
        1 => Just("?u=https://a.example".to_owned()),
        4 => "[/.,;!?#&=a-c%+@)\\]_*~é-]{0,3}",
    ];
    (root, prop::collection::vec(piece, 1..5)).prop_map(|(root, pieces)| format!("{root}{}", pieces.concat()))
}

/// Writes a character in one of the ways that JSON has; letters and digits, which are replaced, plainly.
fn escaped(c: char, habit: u8) -> String {
    let hexadecimal = |upper: bool| {
        let unit = |unit: &u16| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
        c.encode_utf16(&mut [0; 2]).iter().map(unit).collect::<String>()
    };
    match (c, habit) {
        ('"' | '\\', 0..4) => format!("\\{c}"),
        ('/', 1 | 2) => "\\/".to_owned(),
        ('"' | '\\' | '/' | ':' | '<' | '>' | '&' | '\'' | 'é' | '*' | '_', 4) => hexadecimal(false),
        ('"' | '\\' | '/' | ':' | '<' | '>' | '&' | '\'' | 'é' | '*' | '_', 5) => hexadecimal(true),
        _ => c.to_string(),
    }
}

proptest! {
    #[test]
    fn relocating_twice_is_once_and_back_is_the_identity(text in written()) {
        let relocation = move_to_b();
        let moved = relocation.text(&text).into_owned();
        prop_assert_eq!(relocation.text(&moved), moved.clone());
        prop_assert_eq!(relocation.reversed().text(&moved), text);
    }

    #[test]
    fn a_url_alone_becomes_what_it_becomes_behind_others(url in url()) {
        let relocation = move_to_b();
        let behind = relocation.text(&format!("- {url}")).into_owned();
        let moved = behind.strip_prefix("- ").unwrap();
        prop_assert_eq!(relocation.text(&url), moved);
        let json = |text: &str| serde_json::to_string(text).unwrap().replace('/', "\\/");
        let before = json(&url);
        prop_assert_eq!(relocation.json(&before).unwrap(), json(moved));
    }

    #[test]
    fn what_is_json_is_what_serde_json_reads(at in 0..80usize, by in "[\\[\\]{}:,\"\\\\/u019aefnt.+ \\x01-]{0,2}", removed in 0..3usize) {
        let mut json: Vec<char> = r#" {"a":[1.5e-3,-0,10,true,false,null,"\u00e9\/\"",[],{"b":{}}], "c" : "\ud83d\ude00" } "#.chars().collect();
        let at = at.min(json.len());
        json.splice(at..(at + removed).min(json.len()), by.chars());
        let json = json.into_iter().collect::<String>();
        prop_assert_eq!(move_to_b().json(&json).is_ok(), serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok(), "{}", json);
    }

    #[test]
    fn json_means_the_same_but_for_the_rewritten_strings(strings in prop::collection::vec(written(), 0..5), escape in any::<bool>()) {
        let relocation = move_to_b();
        let mut json = serde_json::to_string(&strings).unwrap();
        if escape { json = json.replace('/', "\\/"); }
        let moved: Vec<String> = serde_json::from_str(&relocation.json(&json).unwrap()).unwrap();
        let expected: Vec<String> = strings.iter().map(|text| relocation.text(text).into_owned()).collect();
        prop_assert_eq!(moved, expected);
    }

    #[test]
    fn json_is_byte_for_byte_what_it_was_there_and_back(text in written(), escapes in prop::collection::vec(0..6u8, 1..40)) {
        let relocation = move_to_b();
        let mut json = "{ \"a\" :\"".to_owned();
        for (at, c) in text.chars().enumerate() {
            json.push_str(&escaped(c, escapes[at % escapes.len()]));
        }
        json.push_str("\",\"n\": 1.0e+5}");
        let moved = relocation.json(&json).unwrap().into_owned();
        let value: serde_json::Value = serde_json::from_str(&moved).unwrap();
        prop_assert_eq!(value["a"].as_str().unwrap(), relocation.text(&text));
        prop_assert_eq!(relocation.json(&moved).unwrap(), moved.clone());
        prop_assert_eq!(relocation.reversed().json(&moved).unwrap(), json);
    }
}
