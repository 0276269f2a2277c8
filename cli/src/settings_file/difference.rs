//! What `--dry-run` prints.

use std::path::Path;

use similar::TextDiff;

/// How many unchanged lines to show around a change, as `diff -u` does.
const CONTEXT_LINES: usize = 3;

/// The difference between two texts of the file at `path`, in the unified
/// format of POSIX `diff -u`. Empty if there is none.
///
/// It quotes the lines around the change, and a user may have written a secret
/// there: it is for that user's terminal, and not for a log.
pub fn unified_difference(path: &Path, old: &str, new: &str) -> String {
    let name = path.display().to_string();
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&name, &name)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_in_unified_format() {
        let difference = unified_difference(Path::new("mcp.json"), "{\n}\n", "{\n  \"a\": 1\n}\n");
        insta::assert_snapshot!(difference, @r#"
        --- mcp.json
        +++ mcp.json
        @@ -1,2 +1,3 @@
         {
        +  "a": 1
         }
        "#);
        assert_eq!(unified_difference(Path::new("mcp.json"), "a", "a"), "");
    }
}
