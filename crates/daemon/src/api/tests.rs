//! The API describes itself wholly, and refuses in JSON with a remedy.

use super::{MOUNT, VERSION, openapi, routes::routes};
use serde_json::Value;

#[test]
fn every_route_is_described_with_its_question_and_its_answer() {
    let all = routes();
    let document = openapi::document(&all);
    for route in &all {
        let path = format!("{MOUNT}{VERSION}{}", route.path);
        let method = route.method.as_str().to_lowercase();
        let operation = &document["paths"][&path][&method];
        assert!(
            operation["summary"].is_string(),
            "{method} {path} is missing"
        );
        let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(answer.is_object(), "{method} {path} has no answer");
        assert_eq!(
            method == "post",
            operation["requestBody"].is_object(),
            "{method} {path}"
        );
    }
    let described = document["paths"].as_object().unwrap().values();
    let described: usize = described.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, all.len());
}

#[test]
fn the_document_refers_only_to_what_it_holds() {
    let document = openapi::document(&routes());
    let mut references = Vec::new();
    gather(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
}

fn gather(node: &Value, into: &mut Vec<String>) {
    match node {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(reference) if name == "$ref" => into.push(reference.to_owned()),
                    Some(_) | None => gather(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_link_is_asked_for_by_parameters_and_an_order_by_a_body() {
    let document = openapi::document(&routes());
    let parameters = document["paths"]["/api/v1/links"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let names: Vec<&str> = parameters
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"bridge") && names.contains(&"live"),
        "{names:?}"
    );
    let one = &document["paths"]["/api/v1/links/{id}"]["get"]["parameters"][0];
    assert_eq!(
        (&one["in"], &one["required"]),
        (&"path".into(), &true.into())
    );
}
