//! The API's own description, OpenAPI 3.1. Neighbour: `routes`, the list it is written from.

use super::{
    MOUNT, Trouble, VERSION,
    routes::{Asked, Route},
};
use crate::app;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Writes the document.
pub(super) fn document(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let trouble = generator.subschema_for::<Trouble>().to_value();
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &trouble, &mut generator);
        let path = paths
            .entry(format!("{MOUNT}{VERSION}{}", route.path))
            .or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "jelou-bridge",
            "version": app::VERSION,
            "description": "What the command line can do. All of it takes the bearer token server.admin_token.",
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": generator.take_definitions(true),
        },
    })
}

fn operation(route: &Route, trouble: &Value, generator: &mut SchemaGenerator) -> Value {
    let answer = (route.answer)(generator).to_value();
    let mut operation = json!({
        "summary": route.summary,
        "responses": {
            "200": { "description": "Done", "content": { "application/json": { "schema": answer } } },
            "default": {
                "description": "Not done: 400 wrong use, 401 no token, 404 not there, 409 something is in the way, 502 a remote did not answer, 503 try again",
                "content": { "application/json": { "schema": trouble } },
            },
        },
    });
    let mut parameters = in_path(route.path);
    let mut body = None;
    match route.asked {
        Asked::Nothing => {}
        Asked::Query(schema) => parameters.extend(in_query(schema, generator)),
        Asked::Body(schema) => {
            let schema = schema(generator).to_value();
            body = Some(json!({ "content": { "application/json": { "schema": schema } } }));
        }
    }
    if let Some(operation) = operation.as_object_mut() {
        operation.extend(body.map(|body| ("requestBody".to_owned(), body)));
        operation.insert("parameters".to_owned(), Value::Array(parameters));
    }
    operation
}

fn in_path(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect()
}

fn in_query(
    schema: fn(&mut SchemaGenerator) -> schemars::Schema,
    generator: &mut SchemaGenerator,
) -> Vec<Value> {
    let reference = schema(generator).to_value();
    let reference = reference.get("$ref").and_then(Value::as_str);
    let name = reference.and_then(|path| path.rsplit('/').next());
    let fields = name.and_then(|name| generator.definitions().get(name));
    let listed = |key: &str| fields.and_then(|fields| fields.get(key)).cloned();
    let required = listed("required").unwrap_or_default();
    let required: Vec<&str> = required
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = listed("properties").unwrap_or_default();
    let properties = properties.as_object().into_iter().flatten();
    properties
        .map(|(name, schema)| {
            json!({
                "name": name,
                "in": "query",
                "required": required.contains(&name.as_str()),
                "schema": schema,
            })
        })
        .collect()
}
