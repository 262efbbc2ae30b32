use super::*;

const SECRET: &str = "3f9c1d7a5b2e84c06d1f9e7b8a4c2d5038e6f1a94b7c0d2e5f8a1b3c6d9e0f12";

#[test]
fn signatures_are_those_of_the_worked_vectors() {
    assert_eq!(
        sign(SECRET, b""),
        "sha256=369923211503ee0c123ef3b2f6ad6c5c50bda1f3303d98f4634efa72faca40d2"
    );
    assert_eq!(
        sign(SECRET, b"{}"),
        "sha256=0390f88635dbd8c687f857313c95f265049ec956a6afb607cfc6233397743fb2"
    );
    let raw = br#"{"a":1.0,"b":1e3,"c":"\u00e9","d":"\/","10":1,"2":2}"#;
    assert_eq!(
        sign(SECRET, raw),
        "sha256=3198614bb9f4403731c5db8313275cf377c62a70fff9443db4a86bdcf313e9c4"
    );
}
