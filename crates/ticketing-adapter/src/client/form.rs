//! Packs a request with a file as multipart/form-data (RFC 7578). Neighbour: `send`, which sends it.

use super::send::header_value;
use bridge_core::call::CallError;
use bridge_transport::Request;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

/// A file on its way.
pub(super) struct Carried<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) bytes: Bytes,
}

/// Turns a request's JSON body into parts, and adds the file as the part of this name.
pub(super) fn put(request: &mut Request, part: &str, file: &Carried<'_>) -> Result<(), CallError> {
    let fields = request.body.take().unwrap_or_default();
    let fields = serde_json::from_slice(&fields).unwrap_or_default();
    let between = boundary(&file.bytes);
    let kind = format!("multipart/form-data; boundary={between}");
    request.headers.insert(CONTENT_TYPE, header_value(&kind)?);
    request.body = Some(packed(&fields, part, file, &between));
    Ok(())
}

/// A line that the file does not hold: a file with its own hash in it cannot be made.
fn boundary(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("bridge-{hex}")
}

fn packed(fields: &Json, part: &str, file: &Carried<'_>, between: &str) -> Bytes {
    let mut out = Vec::with_capacity(file.bytes.len() + 1024);
    for (name, value) in fields.as_object().into_iter().flatten() {
        let values = match value {
            Json::Array(list) => list.iter().collect(),
            one => vec![one],
        };
        for value in values {
            let words = match value {
                Json::String(words) => words.clone(),
                other => other.to_string(),
            };
            let name = quoted(name);
            let head =
                format!("--{between}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            out.extend(head.bytes().chain(words.bytes()).chain(*b"\r\n"));
        }
    }
    let (part, name) = (quoted(part), quoted(file.name));
    let head = format!(
        "--{between}\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"{name}\"\r\nContent-Type: {}\r\n\r\n",
        file.kind
    );
    out.extend(head.bytes());
    out.extend_from_slice(&file.bytes);
    out.extend(format!("\r\n--{between}--\r\n").bytes());
    Bytes::from(out)
}

/// A name between double quotes, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_and_the_file_are_parts_and_no_name_leaves_its_quotes() {
        let file = Carried {
            name: "a\"b\r\nX: 1.png",
            kind: "image/png",
            bytes: Bytes::from_static(b"\x89PNG\r\n--x"),
        };
        let fields =
            json!({ "ticket": 42, "public": true, "tags": ["a", "b"], "words": "Ol\u{e1}\nb" });
        let packed = packed(&fields, "files[]", &file, "x-1");
        let shown = String::from_utf8_lossy(&packed).replace("\r\n", "~");
        let told = "--x-1~Content-Disposition: form-data; name=\"public\"~~true~\
            --x-1~Content-Disposition: form-data; name=\"tags\"~~a~\
            --x-1~Content-Disposition: form-data; name=\"tags\"~~b~\
            --x-1~Content-Disposition: form-data; name=\"ticket\"~~42~\
            --x-1~Content-Disposition: form-data; name=\"words\"~~Ol\u{e1}\nb~\
            --x-1~Content-Disposition: form-data; name=\"files[]\"; filename=\"a%22b%0D%0AX: 1.png\"~\
            Content-Type: image/png~~\u{fffd}PNG~--x~--x-1--~";
        assert_eq!(shown, told);
    }

    #[test]
    fn what_stands_between_is_not_in_the_file() {
        let bytes = b"bridge-";
        let between = boundary(bytes);
        assert!(between.len() < 72 && !String::from_utf8_lossy(bytes).contains(&between));
    }
}
