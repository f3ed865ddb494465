//! Numbers, sizes and names, as the command shows them.

/// What a verb says that somebody stopped.
pub(crate) const STOPPED: &str = "stopped; the same command goes on";

/// Returns a number with commas between thousands.
pub(crate) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of bytes in a suitable unit.
pub(crate) fn size(bytes: u64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes >> shift > 0 {
            let tenths = u128::from(bytes) * 10;
            let tenths = u64::try_from((tenths + (1 << (shift - 1))) >> shift).unwrap_or(u64::MAX);
            return format!("{}.{} {unit}", number(tenths / 10), tenths % 10);
        }
    }
    format!("{bytes} B")
}

/// Returns a count and its noun.
pub(crate) fn count(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", number(count)) }
}

/// Returns a number of files.
pub(crate) fn files(files: u64) -> String {
    count(files, "file", "files")
}

/// Replaces characters that would end the line, control a terminal or change the direction of writing.
pub(crate) fn one_line(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().map(|c| if is_unsafe(c) { '?' } else { c }).collect()
}

/// Returns a path of true names; a slash within a name is shown as `_`.
pub(crate) fn path(names: &[String]) -> String {
    names.iter().map(|name| name.replace('/', "_")).collect::<Vec<_>>().join("/")
}

/// Returns a duration as the bar shows it.
pub(crate) fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers_read_like_those_of_the_hub() {
        let sizes = [0, 1023, 1024, 1536, 1 << 20, (1 << 20) - 1, 3_221_225_472, 1 << 40, u64::MAX];
        assert_eq!(
            sizes.map(size),
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1,024.0 KiB", "3.0 GiB", "1.0 TiB", "16,777,216.0 TiB"]
        );
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 0, 2000].map(files), ["1 file", "0 files", "2,000 files"]);
        assert_eq!([9, 61, 3660].map(time), ["9 s", "1 min 01 s", "1 h 01 min"]);
    }

    #[test]
    fn a_name_never_controls_the_terminal() {
        assert_eq!(one_line("a\u{1b}[31m\nb\u{202e}c\u{feff}é"), "a?[31m?b?c?é");
        assert_eq!(path(&["2024".into(), "a/b".into()]), "2024/a_b");
    }
}
