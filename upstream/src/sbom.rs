//! The bill of materials of a closure.
//!
//! Source: [CycloneDX 1.6](https://cyclonedx.org/docs/1.6/json/). Time and serial number are
//! optional there, and left out: the same closure gives the same bytes.

use serde_json::{Value, json};

use crate::closure::{Closure, Member};

/// The bill of materials of `closure`, as JSON.
pub fn cyclonedx(closure: &Closure) -> Value {
    let root = closure.root();
    let reference = |member: &Member| format!("{}#{}", member.release.purl(), member.place);
    // The parts in the order of their names, wherever the tool put them.
    let mut members: Vec<&Member> = closure.members.iter().collect();
    members.sort_by_key(|member| reference(member));
    let component = |member: &Member, kind: &str| {
        let (algorithm, digest) = member.integrity.algorithm_and_hex();
        let mut component = json!({
            "type": kind,
            "bom-ref": reference(member),
            "name": member.release.package().name(),
            "version": member.release.version(),
            "purl": member.release.purl(),
            "hashes": [{ "alg": algorithm, "content": digest }],
        });
        if let (Some(license), Some(fields)) = (&member.license, component.as_object_mut()) {
            // By name: not every package writes an identifier of SPDX there.
            fields.insert("licenses".to_owned(), json!([{ "license": { "name": license } }]));
        }
        component
    };
    let is_part = |member: &&&Member| !std::ptr::eq(**member, root);
    let parts: Vec<_> = members.iter().filter(is_part).map(|it| component(it, "library")).collect();
    let dependencies: Vec<_> = members
        .iter()
        .map(|member| {
            let mut needs: Vec<_> =
                member.needs.iter().map(|&at| reference(&closure.members[at])).collect();
            needs.sort();
            json!({ "ref": reference(member), "dependsOn": needs })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component(root, "application") },
        "components": parts,
        "dependencies": dependencies,
    })
}
