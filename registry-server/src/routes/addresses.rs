//! The variable parts of addresses, for `/openapi.json`: said once, beside what reads them.

use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::extract::{PackagePath, ReleasePath, ServerPath};

fn part(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

impl IntoParams for PackagePath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            part("namespace", "The part of the name before the slash"),
            part("name", "The part after it"),
        ]
    }
}

impl IntoParams for ReleasePath {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parts = PackagePath::into_params(place);
        parts.push(part("version", "The version"));
        parts
    }
}

impl IntoParams for ServerPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![part("serverName", "The name, its slash encoded")]
    }
}
