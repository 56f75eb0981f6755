//! Whether a record is what `docs/record.schema.json` allows, and nothing else: the schema itself lets later versions add fields,
//! but a field that it does not know is a fault in a record of this version.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

static SCHEMA: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let mut schema: Value =
        serde_json::from_str(include_str!("../../docs/record.schema.json")).expect("the schema is JSON");
    forbid_others(&mut schema);
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("record", schema).expect("the schema has a name");
    let index = compiler.compile("record", &mut schemas).expect("the schema is valid");
    (schemas, index)
});

/// Allows no fields that are not listed. The fields of a kind stand beside those of every record, so only the whole is closed.
fn forbid_others(schema: &mut Value) {
    let kinds = schema["allOf"].as_array().expect("the kinds are listed").clone();
    let is_a_kinds = |name: &String| {
        let reference = format!("#/$defs/{name}");
        kinds.iter().any(|kind| kind["then"]["$ref"] == reference)
    };
    let definitions = schema["$defs"].as_object_mut().expect("there are definitions");
    for (_, definition) in definitions.iter_mut().filter(|(name, _)| !is_a_kinds(name)) {
        definition["additionalProperties"] = json!(false);
    }
    schema["unevaluatedProperties"] = json!(false);
}

/// The error says where the record is not what the schema allows.
pub fn check(record: &Value) -> Result<(), String> {
    let (schemas, index) = &*SCHEMA;
    schemas
        .validate(record, *index)
        .map_err(|error| format!("not what record.schema.json allows: {error:#}"))
}

/// Reads a record of this version.
pub fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"));
    check(&value).unwrap_or_else(|error| panic!("{error}: {text}"));
    serde_json::from_value(value).unwrap_or_else(|error| panic!("no record ({error}): {text}"))
}
