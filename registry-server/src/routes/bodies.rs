//! Bodies that are none of our types: what they are made of, for `/openapi.json`.

use std::collections::BTreeMap;

use mcpkg_core::api::part;
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::official::ListedEntry;

/// The form of a new release.
pub(super) struct PublishForm;

/// A Sigstore bundle with one signed statement.
///
/// Source: the Protobuf specification of Sigstore, `Bundle`; ours say a little less than all
/// that may be in one.
pub(super) struct SigstoreBundle;

/// The evidence of a release.
pub(super) struct Evidence;

/// What is known of an entry: a release, or one that nobody has signed.
pub(super) struct Known;

/// What may come of receiving a body, whatever is in it.
pub(super) struct Received;

impl IntoResponses for Received {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let answer = |(status, description): (&str, &str)| {
            let response = ResponseBuilder::new().description(description).build();
            (status.to_owned(), response.into())
        };
        [("408", "Too slow"), ("413", "Too large")].map(answer).into()
    }
}

impl PartialSchema for PublishForm {
    fn schema() -> RefOr<Schema> {
        let bundle = Ref::from_schema_name("SigstoreBundle");
        let file = || {
            let binary = Some(SchemaFormat::KnownFormat(KnownFormat::Binary));
            ObjectBuilder::new().schema_type(Type::String).format(binary)
        };
        ObjectBuilder::new()
            .property(part::SERVER_JSON, ObjectBuilder::new().schema_type(Type::Object))
            .property(part::BUNDLE, ArrayBuilder::new().items(bundle).min_items(Some(1)))
            .property(part::ARTIFACT, ArrayBuilder::new().items(file()))
            .required(part::SERVER_JSON)
            .required(part::BUNDLE)
            .description(Some("First the document, then each bundle, then each artifact."))
            .into()
    }
}

impl ToSchema for PublishForm {
    fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
        all.push(("SigstoreBundle".to_owned(), SigstoreBundle::schema()));
    }
}

impl PartialSchema for SigstoreBundle {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let object = || ObjectBuilder::new().schema_type(Type::Object);
        let envelope = object()
            .property("payload", text())
            .property("payloadType", text())
            .property(
                "signatures",
                ArrayBuilder::new().items(object()).min_items(Some(1)).max_items(Some(1)),
            )
            .required("payload")
            .required("payloadType")
            .required("signatures");
        object()
            .property("mediaType", text())
            .property("verificationMaterial", object())
            .property("dsseEnvelope", envelope)
            .required("mediaType")
            .required("verificationMaterial")
            .required("dsseEnvelope")
            .description(Some("A Sigstore bundle with one signed statement."))
            .into()
    }
}

impl ToSchema for SigstoreBundle {}

impl PartialSchema for Evidence {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Ref::from_schema_name("BundleDocument")).into()
    }
}

impl ToSchema for Evidence {}

impl PartialSchema for Known {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name("ReleaseDocument"))
            .item(Ref::from_schema_name("ListedEntry"))
            .into()
    }
}

impl ToSchema for Known {
    fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
        all.push(("ListedEntry".to_owned(), ListedEntry::schema()));
    }
}
