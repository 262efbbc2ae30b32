//! Phone numbers as people write them, turned into the digits that WhatsApp knows. Neighbour:
//! engine, which offers this as the filter `phone`.

use phonenumber::country::Id;

/// No number on the public network is shorter or longer (ITU-T E.164 allows 15 digits; below 8 lie
/// service numbers, which have no WhatsApp).
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// The digits, without plus, of a number written anyhow; `None` where it is none.
///
/// WhatsApp differs from the numbering plans: a Brazilian mobile has its ninth digit even where
/// people still write eight, a Mexican one has lost the 1 after the country code, an Argentine one
/// has a 9 there and no 15 after the area code.
pub(super) fn normalise(written: &str, country: Option<Id>) -> Option<String> {
    let written = written.trim();
    let all: String = written.chars().filter(char::is_ascii_digit).collect();
    let parsed = phonenumber::parse(country, written).ok()?;
    let code = parsed.code().value();
    if code == 0 {
        return None;
    }
    let national = national_digits(&parsed, &all, code);
    let national = match code {
        55 => brazil(national),
        52 => mexico(national),
        54 => argentina(national),
        _ => national,
    };
    let digits = format!("{code}{national}");
    DIGITS.contains(&digits.len()).then_some(digits)
}

/// The national part with its leading zeros. The parser strips what it takes for a trunk or
/// carrier prefix; where a whole international number was written, nothing of it is one.
fn national_digits(parsed: &phonenumber::PhoneNumber, written: &str, code: u16) -> String {
    let code = code.to_string();
    let national = parsed.national().to_string();
    match written.strip_prefix(code.as_str()) {
        Some(rest) if parsed.code().source() == phonenumber::country::Source::Plus => rest
            .strip_prefix('0')
            .filter(|_| code != "39")
            .unwrap_or(rest)
            .to_owned(),
        Some(_) | None => national,
    }
}

/// Mobiles began with 6 to 9 and had eight digits; since 2016 a 9 stands before them everywhere
/// (Anatel). Landlines begin with 2 to 5 and keep eight.
fn brazil(national: String) -> String {
    match national.split_at_checked(2) {
        Some((area, local)) if local.len() == 8 && local.starts_with(['6', '7', '8', '9']) => {
            format!("{area}9{local}")
        }
        Some(_) | None => national,
    }
}

/// Ten digits, dialled alike everywhere since 2019 (IFT). Before that a 1 marked mobiles called from
/// abroad, 044 and 045 mobiles called from within, 01 long distance; address books still have them.
fn mexico(national: String) -> String {
    ["044", "045", "01", "1"]
        .iter()
        .filter_map(|prefix| national.strip_prefix(prefix))
        .find(|rest| rest.len() == 10)
        .map_or(national.clone(), str::to_owned)
}

/// Within the country a mobile is dialled with 15 after the area code, from abroad with 9 before
/// it; WhatsApp knows the latter. Area codes have two (only 11), three or four digits, and with
/// the rest make ten.
fn argentina(national: String) -> String {
    if national.len() != 12 || national.starts_with('9') {
        return national;
    }
    [2, 3, 4]
        .iter()
        .filter_map(|length| {
            let (area, rest) = national.split_at_checked(*length)?;
            Some((area, rest.strip_prefix("15")?))
        })
        .find(|(area, _)| area.len() != 2 || *area == "11")
        .map_or(national.clone(), |(area, local)| format!("9{area}{local}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(written: &str, country: Id) -> String {
        normalise(written, Some(country)).unwrap_or_default()
    }

    #[test]
    fn a_brazilian_mobile_gets_its_ninth_digit() {
        for written in [
            "11 8765-4321",
            "(11) 98765-4321",
            "+55 11 98765-4321",
            "+55 (011) 8765-4321",
            "5511987654321",
            "551187654321",
            "011 98765-4321",
            "0 15 11 98765-4321",
            "+55 11 8765 4321",
            "tel:+55-11-98765-4321",
        ] {
            assert_eq!(phone(written, Id::BR), "5511987654321", "{written}");
        }
    }

    #[test]
    fn a_brazilian_landline_stays_as_it_is() {
        assert_eq!(phone("11 3456-7890", Id::BR), "551134567890");
        assert_eq!(phone("+55 61 2345-6789", Id::BR), "556123456789");
    }

    #[test]
    fn a_mexican_mobile_loses_its_extra_one() {
        for written in [
            "+52 1 55 1234 5678",
            "+52 55 1234 5678",
            "55 1234 5678",
            "5215512345678",
            "525512345678",
            "044 55 1234 5678",
            "045 55 1234 5678",
            "01 55 1234 5678",
        ] {
            assert_eq!(phone(written, Id::MX), "525512345678", "{written}");
        }
    }

    #[test]
    fn an_argentine_mobile_gets_its_nine() {
        for written in [
            "011 15-2345-6789",
            "+54 11 15 2345 6789",
            "+54 9 11 2345 6789",
            "11 15 2345-6789",
            "5491123456789",
        ] {
            assert_eq!(phone(written, Id::AR), "5491123456789", "{written}");
        }
        assert_eq!(phone("0351 15-234-5678", Id::AR), "5493512345678");
        assert_eq!(phone("+54 2966 15 234567", Id::AR), "5492966234567");
    }

    #[test]
    fn an_argentine_landline_stays_as_it_is() {
        assert_eq!(phone("+54 11 4345 6789", Id::AR), "541143456789");
    }

    #[test]
    fn other_countries_follow_their_numbering_plan() {
        assert_eq!(phone("098 765 4321", Id::EC), "593987654321");
        assert_eq!(phone("+593 98 765 4321", Id::BR), "593987654321");
        assert_eq!(phone("300 123 4567", Id::CO), "573001234567");
        assert_eq!(phone("0049 171 1234567", Id::DE), "491711234567");
    }

    #[test]
    fn what_is_no_number_gives_nothing() {
        for written in [
            "",
            "n/a",
            "123",
            "call me",
            "+",
            "99999999999999999999999",
            "é",
        ] {
            assert_eq!(phone(written, Id::BR), "", "{written}");
        }
        assert_eq!(normalise("11 98765-4321", None), None);
        assert_eq!(
            normalise("+55 11 98765-4321", None).as_deref(),
            Some("5511987654321")
        );
    }
}
