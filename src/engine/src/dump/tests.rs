use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use proptest::prelude::*;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use serde_json::Value;

use super::*;

fn limits() -> DumpLimits {
    DumpLimits::default()
}

fn dump(bytes: &[u8]) -> Dump {
    Dump::of_bytes(bytes.to_vec(), None, limits(), 7).unwrap()
}

/// Document, section, number, text.
type Told = (Option<String>, String, Option<u64>, String);

fn some(dump: &mut Dump, most_elements: u64, most_bytes: u64) -> Result<Vec<Told>> {
    let mut texts = Vec::new();
    let slice = dump.slice(most_elements, most_bytes, |text| texts.push(text.to_owned()))?;
    let Some(slice) = slice else { return Ok(Vec::new()) };
    assert!(!texts.is_empty());
    let told = |(n, text)| (slice.document.clone(), slice.section.clone(), slice.first.map(|first| first + n), text);
    Ok((0..).zip(texts).map(told).collect())
}

fn rest(dump: &mut Dump, most_elements: u64, most_bytes: u64) -> Vec<Told> {
    let mut all = Vec::new();
    loop {
        let told = some(dump, most_elements, most_bytes).unwrap();
        if told.is_empty() {
            return all;
        }
        all.extend(told);
    }
}

fn sections(dump: &Dump) -> Vec<(String, bool, u64)> {
    dump.sections().map(|section| (section.name.clone(), section.is_list, section.elements)).collect()
}

fn error(bytes: &[u8]) -> String {
    let opened = Dump::of_bytes(bytes.to_vec(), None, limits(), 7);
    opened.and_then(|mut dump| dump.step(Duration::from_mins(1))).unwrap_err().to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(documents: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut writer = ZipArchiveWriter::new(&mut archive);
    for (name, bytes, deflated) in documents {
        let method = if *deflated { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
        let (mut entry, config) = writer.new_file(name).compression_method(method).start().unwrap();
        let descriptor = if *deflated {
            let mut output = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
            output.write_all(bytes).unwrap();
            let (encoder, descriptor) = output.finish().unwrap();
            encoder.finish().unwrap();
            descriptor
        } else {
            let mut output = config.wrap(&mut entry);
            output.write_all(bytes).unwrap();
            output.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    writer.finish().unwrap();
    archive
}

const EXPORT: &[u8] = br#" {"compatibility":{"version":"8.9.3"}, "group":[ ],
    "item":[{"mid":"a","body":"[b]\u00fc\/\\\"[\/b]"}, {"mid":"b"} ,{"mid":"c"}],
    "photo" : null, "n":12 } "#;

fn of_export(document: Option<&str>) -> Vec<Told> {
    [
        ("compatibility", None, r#"{"version":"8.9.3"}"#),
        ("item", Some(0), r#"{"mid":"a","body":"[b]\u00fc\/\\\"[\/b]"}"#),
        ("item", Some(1), r#"{"mid":"b"}"#),
        ("item", Some(2), r#"{"mid":"c"}"#),
        ("photo", None, "null"),
        ("n", None, "12"),
    ]
    .map(|(section, number, text)| (document.map(str::to_owned), section.to_owned(), number, text.to_owned()))
    .to_vec()
}

#[test]
fn elements_come_in_order_with_their_sections_and_numbers() {
    let mut dump = dump(EXPORT);
    assert_eq!(dump.format(), Format::Json);
    assert_eq!(rest(&mut dump, 1, 1), of_export(None));
    let told = |name: &str, is_list, elements| (name.to_owned(), is_list, elements);
    let all = [
        told("compatibility", false, 1),
        told("group", true, 0),
        told("item", true, 3),
        told("photo", false, 1),
        told("n", false, 1),
    ];
    assert_eq!(sections(&dump), all);
    let bytes: Vec<u64> = dump.sections().map(|section| section.bytes).collect();
    assert_eq!(bytes, [19, 0, 41 + 11 + 11, 4, 2]);
}

#[test]
fn a_slice_has_elements_of_one_section_within_its_bounds() {
    let mut dump = dump(EXPORT);
    let mut sizes = |most_elements, most_bytes| some(&mut dump, most_elements, most_bytes).unwrap().len();
    assert_eq!(sizes(10, 1000), 1, "a section that is not a list");
    assert_eq!(sizes(10, 41 + 11), 2, "what still fits");
    assert_eq!(sizes(10, 1000), 1, "to the end of the list");
    assert_eq!(sizes(10, 1), 1, "one, however long it is");
    assert_eq!((sizes(10, 1), sizes(10, 1), sizes(10, 1)), (1, 0, 0));
}

#[test]
fn another_process_goes_on_at_the_cursor_in_every_format() {
    let months = zip(&[("a-2024-5.json", EXPORT, true), ("a-2024-6.json", EXPORT, false), ("empty.json", b"{}", true)]);
    let of_months = [of_export(Some("a-2024-5.json")), of_export(Some("a-2024-6.json"))].concat();
    let two = [gzip(&EXPORT[..30]), gzip(&EXPORT[30..])].concat();
    for (bytes, format, all) in [
        (EXPORT.to_vec(), Format::Json, of_export(None)),
        (gzip(EXPORT), Format::Gzip, of_export(None)),
        (two, Format::Gzip, of_export(None)),
        (months, Format::Zip, of_months),
    ] {
        for chunk_bytes in [1, 2, 5, 100] {
            let mut cursor = None;
            for n in 0..=all.len() {
                let mut dump = Dump::of_bytes(bytes.clone(), cursor, limits(), chunk_bytes).unwrap();
                assert_eq!(dump.format(), format);
                let text = dump.cursor().to_string();
                assert_eq!(Cursor::parse(&text).unwrap(), dump.cursor());
                assert_eq!(rest(&mut dump, 3, 1000), all[n..], "{format:?}, from {n} on, at {text}");
                dump.seek(Cursor::parse(&text).unwrap()).unwrap();
                some(&mut dump, 1, 1).unwrap();
                cursor = Some(dump.cursor());
            }
        }
    }
}

#[test]
fn a_section_is_read_from_its_own_cursor() {
    let mut dump = dump(&gzip(EXPORT));
    assert!(dump.step(Duration::from_mins(1)).unwrap());
    let found: Vec<Section> = dump.sections().cloned().collect();
    for name in ["photo", "item", "compatibility"] {
        let section = found.iter().find(|section| section.name == name).unwrap();
        dump.seek(section.cursor.clone()).unwrap();
        let told = some(&mut dump, 9, 1000).unwrap();
        assert_eq!(told, of_export(None).into_iter().filter(|told| told.1 == name).collect::<Vec<_>>());
    }
    assert!(dump.step(Duration::from_mins(1)).unwrap());
    assert!(dump.sections().eq(found.iter()), "what was read twice is counted once");
}

#[test]
fn a_cursor_of_another_file_is_refused() {
    let cursor = dump(EXPORT).cursor();
    let refused = Dump::of_bytes(b"{}".to_vec(), Some(cursor), limits(), 7).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    for text in ["", "{}", r#"{"size":1,"document":0,"offset":0,"section":null,"element":null,"x":1}"#] {
        assert_eq!(Cursor::parse(text).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let reading = "invalid input while reading an export file";
    let told: Vec<String> = [
        "",
        "[1]",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\":[1 2]}",
        "{\"a\":[1,]}",
        "{\"item\":[{}, {\"mid\":x}]}",
        "{\"item\":[{}, {\"mid\":",
        "{\"item\":[{}",
        "{\"a\":1",
        "{\"a\":1} {",
        "{a:1}",
        "{\"\\x\":1}",
    ]
    .into_iter()
    .map(|text| error(text.as_bytes()).replace(reading, ""))
    .collect();
    let expected = [
        " {offset: 0, fault: the file ends here}",
        " {offset: 0, fault: expected `{`}",
        " {offset: 7, fault: expected the name of a section}",
        " {offset: 5, fault: expected `:`}",
        " {section: a, element: 1, offset: 8, fault: expected `,`}",
        " {section: a, element: 1, offset: 8, fault: expected value}",
        " {section: item, element: 1, offset: 20, fault: expected value}",
        " {section: item, element: 1, offset: 20, fault: the file ends here}",
        " {section: item, element: 1, offset: 11, fault: the file ends here}",
        " {offset: 6, fault: the file ends here}",
        " {offset: 8, fault: something follows the end of the document}",
        " {offset: 1, fault: expected the name of a section}",
        " {offset: 3, fault: invalid escape}",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_wrong_comes_after_what_is_before_it_and_again() {
    let mut dump = dump(br#"{"item":[{"n":1},{"n":2},{"n":}]}"#);
    assert_eq!(some(&mut dump, 10, 1000).unwrap().len(), 2);
    let cursor = dump.cursor();
    let first = some(&mut dump, 10, 1000).unwrap_err().to_string();
    assert_eq!(first, some(&mut dump, 10, 1000).unwrap_err().to_string());
    assert!(first.contains("offset: 30, fault: expected value"), "{first}");
    assert_eq!(dump.cursor(), cursor);
}

#[test]
fn limits_are_named_with_a_remedy() {
    let told = |text: &str, limits: DumpLimits| {
        let mut dump = Dump::of_bytes(text.as_bytes().to_vec(), None, limits, 7).unwrap();
        let error = dump.step(Duration::from_mins(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        error.to_string().replace("limit exceeded while reading an export file ", "")
    };
    let short = DumpLimits { element_bytes: 40, ..limits() };
    let long = "x".repeat(40);
    let remedy = "remove this element from the file; what else is in it can be read";
    let expected = format!("{{section: item, element: 1, offset: 11, limit_bytes: 40, remedy: {remedy}}}");
    assert_eq!(told(&format!(r#"{{"item":[1,"{long}"]}}"#), short.clone()), expected);
    assert_eq!(told(&format!(r#"{{"item":[1,"{long}{long}"#), short), expected, "it need not be whole");
    let flat = DumpLimits { depth: 3, ..limits() };
    let expected = format!("{{section: item, element: 0, offset: 9, limit_depth: 3, remedy: {remedy}}}");
    assert_eq!(told(r#"{"item":[[[[[]]]]]}"#, flat.clone()), expected);
    assert_eq!(told(&format!("{{\"item\":[[[[[{long}"), flat.clone()), expected, "it need not be whole");
    assert!(Dump::of_bytes(br#"{"item":[[[[]]], "[[[[["]}"#.to_vec(), None, flat, 7).unwrap().step(Duration::MAX / 4).unwrap());
    let few = DumpLimits { sections: 2, ..limits() };
    assert_eq!(told(r#"{"a":1,"b":2,"c":3}"#, few), "{offset: 17, limit_sections: 2}");
    let names = DumpLimits { name_bytes: 3, ..limits() };
    assert_eq!(told(r#"{"abcd":1}"#, names), "{offset: 1, limit_name_bytes: 3}");
}

#[test]
fn what_unpacks_to_far_more_is_stopped() {
    let limits = DumpLimits { unpacked_bytes: 1000, ratio: 20, ..limits() };
    let bomb = [b"{\"a\":\"".to_vec(), vec![b'x'; 100_000], b"\"}".to_vec()].concat();
    let fine = [b"{\"a\":\"".to_vec(), vec![b'x'; 900], b"\"}".to_vec()].concat();
    let read = |bytes: Vec<u8>| {
        Dump::of_bytes(bytes, None, limits.clone(), 1 << 12).and_then(|mut dump| dump.step(Duration::from_mins(1)))
    };
    assert!(read(gzip(&fine)).unwrap() && read(zip(&[("a", &fine, true)])).unwrap());
    for bytes in [gzip(&bomb), zip(&[("a", &bomb, true)])] {
        let error = read(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.to_string().contains("remedy: unpack it yourself, and give the plain file"), "{error}");
    }
    // Space is not kept.
    let space = [b"{".to_vec(), vec![b' '; 1 << 20], b"}".to_vec()].concat();
    assert!(Dump::of_bytes(space, None, limits.clone(), 1 << 12).unwrap().step(Duration::from_mins(1)).unwrap());
}

#[test]
fn a_damaged_archive_is_named_and_never_the_end_of_a_file() {
    let whole = gzip(EXPORT);
    for cut in 2..whole.len() {
        let told = error(&whole[..cut]);
        assert!(
            told.contains("the compressed file is damaged or cut off") || told.contains("the file ends here"),
            "{cut}: {told}"
        );
    }
    let mut flipped = whole.clone();
    let last = flipped.len() - 5;
    flipped[last] ^= 1;
    assert!(error(&flipped).contains("remedy: download it again"), "{}", error(&flipped));
    let months = zip(&[("m.json", EXPORT, true)]);
    for cut in 4..months.len() {
        assert!(error(&months[..cut]).contains("damaged or cut off"), "{cut}");
    }
    for at in 4..months.len() {
        let mut flipped = months.clone();
        flipped[at] ^= 0x10;
        if let Ok(mut dump) = Dump::of_bytes(flipped, None, limits(), 64) {
            let mut told = Vec::new();
            while let Ok(Some(_)) = dump.slice(1, 1, |text| told.push(text.to_owned())) {}
            let all: Vec<String> = of_export(None).into_iter().map(|told| told.3).collect();
            assert!(all.starts_with(&told) || dump.step(Duration::from_mins(1)).is_err(), "bit of byte {at}");
        }
    }
}

#[test]
fn a_file_on_disk_is_read_and_a_link_is_not() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), EXPORT).unwrap();
    std::os::unix::fs::symlink("a.json", folder.path().join("link")).unwrap();
    let root = Root::open(folder.path()).unwrap();
    let open = |name| Dump::open(&root, &RelativePath::parse(name).unwrap(), None, limits());
    assert_eq!(rest(&mut open("a.json").unwrap(), 9, 1000), of_export(None));
    assert!(open("link").is_err() && open("none").is_err());
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// What `serde_json` makes of a document.
fn judged(text: &[u8]) -> Option<Vec<(String, Option<u64>, Value)>> {
    let Value::Object(sections) = serde_json::from_slice(text).ok()? else { return None };
    let elements = sections.into_iter().flat_map(|(name, value)| match value {
        Value::Array(values) => (0..).zip(values).map(|(n, value)| (name.clone(), Some(n), value)).collect::<Vec<_>>(),
        value => vec![(name, None, value)],
    });
    Some(elements.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn elements_are_those_of_serde_json_at_every_cut(
        sections in prop::collection::btree_map(".{0,6}", json(), 0..5),
        pretty in any::<bool>(),
        chunk_bytes in 1_usize..40,
        most_bytes in 1_u64..60,
    ) {
        let value = Value::Object(sections.into_iter().collect());
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        let all = judged(&text).unwrap();
        let mut dump = Dump::of_bytes(text.clone(), None, limits(), chunk_bytes).unwrap();
        let mut found = Vec::new();
        loop {
            // Each slice is read by another process.
            let cursor = Cursor::parse(&dump.cursor().to_string()).unwrap();
            dump = Dump::of_bytes(text.clone(), Some(cursor), limits(), chunk_bytes).unwrap();
            let told = some(&mut dump, 3, most_bytes).unwrap();
            if told.is_empty() {
                break;
            }
            found.extend(told.into_iter().map(|(_, section, n, text)| (section, n, serde_json::from_str(&text).unwrap())));
        }
        prop_assert_eq!(&found, &all);
        // Cut anywhere, it gives whole elements, then an error.
        for cut in 0..text.len() {
            let mut dump = Dump::of_bytes(text[..cut].to_vec(), None, limits(), chunk_bytes).unwrap();
            let mut whole = 0;
            let fault = loop {
                match some(&mut dump, 3, most_bytes) {
                    Ok(told) if told.is_empty() => break None,
                    Ok(told) => whole += told.len(),
                    Err(error) => break Some(error.kind()),
                }
            };
            prop_assert_eq!(fault, Some(ErrorKind::InvalidInput));
            prop_assert!(whole <= all.len());
        }
    }

    #[test]
    fn damaged_text_is_refused_where_serde_json_refuses_it(
        sections in prop::collection::btree_map("[a-c]{1,3}", json(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"{}[]\",:\\ 0ae\xff\n".to_vec()),
    ) {
        let mut text = serde_json::to_vec(&Value::Object(sections.into_iter().collect())).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        let mut dump = Dump::of_bytes(text.clone(), None, limits(), 9).unwrap();
        let is_read = dump.step(Duration::from_mins(1)).is_ok();
        // Half of a surrogate pair, and a number beyond all bounds, are left to whoever reads the element.
        let is_judged = serde_json::from_slice::<&serde_json::value::RawValue>(&text).is_ok_and(|raw| raw.get().starts_with('{'));
        prop_assert_eq!(is_read, is_judged, "{}", String::from_utf8_lossy(&text));
    }
}
