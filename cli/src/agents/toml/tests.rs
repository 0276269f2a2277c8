//! What edits of TOML look like, and what holds for all of them.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::agents::place::Place;

fn entry() -> Json {
    json!({ "command": "/opt/mcpkg", "args": ["run", "io.github.acme/weather"] })
}

fn add(text: &str) -> Linked {
    link(text, "servers", "x", &entry()).unwrap()
}

const BLOCK: &str =
    "[servers.x]\ncommand = \"/opt/mcpkg\"\nargs = [\"run\", \"io.github.acme/weather\"]";

#[test]
fn a_table_goes_to_the_end_and_comes_out_again() {
    for (before, after) in [
        ("", format!("{BLOCK}\n")),
        ("a = 1\n", format!("a = 1\n\n{BLOCK}\n")),
        ("a = 1", format!("a = 1\n\n{BLOCK}")),
        ("[b] # c", format!("[b] # c\n\n{BLOCK}")),
        ("[servers]\n\n", format!("[servers]\n\n\n{BLOCK}\n")),
    ] {
        let linked = add(before);
        assert_eq!(linked.text, after);
        let footprint = linked.footprint.unwrap();
        assert_eq!(unlink(&after, "servers", "x", footprint).as_deref(), Ok(before));
    }
}

#[test]
fn an_entry_leaves_however_it_was_written() {
    for (before, after) in [
        ("[servers.x]\ncommand = 1\n# in\nargs = 2 # in\n# of y\n[y]\n", "# of y\n[y]\n"),
        ("[servers.x]\na = 1\n[z]\n[servers.x.env]\nA = 1\n[y]\n", "[z]\n[y]\n"),
        ("[servers]\nx = { a = 1 }\ny = 2\n", "[servers]\ny = 2\n"),
        ("[servers]\nx.a = 1\nx.b.c = 1\ny = 2", "[servers]\ny = 2"),
        ("servers.x.a = \"\"\"\n[y]\n\"\"\"\nb = 1\n", "b = 1\n"),
        ("[[servers.x.tools]]\na = 1\n[[servers.x.tools]]\n[y]\n", "[y]\n"),
        ("a = 1\n[y]\n[servers.x]", "a = 1\n[y]"),
    ] {
        assert_eq!(unlink(before, "servers", "x", Footprint::Entry).as_deref(), Ok(after));
    }
}

#[test]
fn a_table_is_replaced_in_its_place() {
    let before = "[servers.x]\nenv = { A = 1 }\n\n# of y\n[y]\n";
    assert_eq!(add(before).text, format!("{BLOCK}\n\n# of y\n[y]\n"));
    let before = "[servers.x]\na = 1\n\n[servers.x.env]\nA = 1\n\n# of y\n[y]\n";
    assert_eq!(add(before).text, format!("{BLOCK}\n\n\n# of y\n[y]\n"));
    let before = "[servers]\nx = { a = 1 } # in\n[y]\n";
    assert_eq!(add(before).text, format!("[servers]\n[y]\n\n{BLOCK}\n"));
}

/// What is left of a text to be read, if something is set aside.
fn rest(text: &str) -> Option<String> {
    aside(text, "servers").map(|aside| aside.rest)
}

#[test]
fn plain_tables_of_others_are_set_aside() {
    let plain =
        "[t.\"a b\"] # c\nk = \"v\" # c\n'l' = [1, -2, true, 'x',]\n# c\n\n\t[t.c]\n\tk = 0\n";
    for (text, expected) in [
        (
            format!("m = 1\n\n{plain}# d\n[servers.a]\nb = 1.0\n"),
            "m = 1\n\n[mcpkg-aside-0]\n# d\n[servers.a]\nb = 1.0\n",
        ),
        (
            format!("{plain}[[l]]\n[u.v]\n[servers]\n[w.x]"),
            "[mcpkg-aside-0]\n[[l]]\n[mcpkg-aside-1]\n[servers]\n[w.x]",
        ),
    ] {
        assert_eq!(rest(&text).as_deref(), Some(expected));
        let aside = aside(&text, "servers").unwrap();
        assert_eq!(aside.put_back(&aside.rest).as_ref(), Some(&text));
        assert_eq!(aside.put_back("[mcpkg-aside-1]\n"), None);
    }
}

/// Each of these has a line that looks plain, and is something else, or wrong.
#[test]
fn what_only_looks_plain_is_not_set_aside() {
    for text in [
        "k = \"\"\"\n[t.a]\nb = 1\n\"\"\"\n",
        "k = [\n[t.a]\n]\n",
        "[t.a]\nb = 1\n[t.a]\n",
        "[t.a]\n[t]\nb = 1\n",
        "t = 1\n[t.a]\n",
        "\"\\u0074\" = 1\n[t.a]\n",
        "[t.a]\nb = 1\nb = 2\n",
        "[t.a]\nb.c = 1\n",
        "[t.a]\nb = 01\n",
        "[t.a]\nb = 9223372036854775808\n",
        "[t.a]\nb = \"\\x\"\n",
        "[t.a]\nb = \"\"\"c\"\"\"\n",
        "[t.a]\nb = \"c\" d\n",
        "[t.a]\nb = [1 2]\n",
        "[t.a]\nb = truely\n",
        "[t.a] b\n",
        "[t.a]\rb = 1\n",
        "[t.a]",
        "[servers.a]\nb = 1\n",
        "[t.a]\n# mcpkg-aside-0\n",
    ] {
        assert_eq!(rest(text), None, "{text}");
    }
}

fn statement() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "# c",
        "[t1]",
        "[t2] # c",
        "  [t3.\"a b\"]",
        "[[l]]",
        "[servers.a]",
        "[servers.b]",
        "[servers.a.env]",
        "k1 = 1",
        "k2 = \"[servers.x]\"",
        "k3 = [1, # c\n  2,\n]",
        "k4 = \"\"\"\n[servers.x]\n# c\n\"\"\"",
        "k5 = { a = 1 }",
        "k6.a = nan",
        "k7 = '# c' # c",
        "[servers]",
        "servers.c.d = 1",
        "command = \"\u{e9}\"",
        "[p.\"a b\"]\nk1 = \"v\"\nk2 = [1, 'a']",
        "[p.b]\n# c\n\nk = true # c",
        "[q.c]\r\nk = -1",
        "k8 = \"\"\"\n[q.d]\nk = 1",
        "[q.e]\nk = \"\"\"",
    ])
    .prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec!["\n", "\r\n"]);
    (prop::collection::vec(statement(), 0..9), end, any::<bool>())
        .prop_map(|(statements, end, is_ended)| {
            let text = statements.join("\n") + if is_ended { "\n" } else { "" };
            text.replace('\n', end)
        })
        .prop_filter("valid", |text| Settings::read(text, "servers").is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn linking_adds_and_unlinking_gives_the_file_back(before in document()) {
        let linked = match link(&before, "servers", "x", &entry()) {
            Ok(linked) => linked,
            // Only where keys with dots and headers stand in each other's way.
            Err(error) => {
                prop_assert_eq!(error, EditError::Layout { format: Format::Toml });
                prop_assert!(before.contains("servers.c.d"));
                return Ok(());
            }
        };
        prop_assert!(before.trim().is_empty() || linked.text.starts_with(&before));
        let again = link(&linked.text, "servers", "x", &entry()).unwrap();
        prop_assert_eq!(&again.text, &linked.text);
        let after = unlink(&linked.text, "servers", "x", linked.footprint.unwrap()).unwrap();
        prop_assert_eq!(after, if before.trim().is_empty() { String::new() } else { before });
    }

    #[test]
    fn by_parts_and_as_a_whole_come_to_the_same(before in document(), key in "[abx]") {
        let place = Place { format: Format::Toml, within: &[], root_key: "servers" };
        prop_assert!(place.entries(&before) == entries(&before, "servers"));
        let linked = link(&before, "servers", &key, &entry());
        prop_assert!(place.set(&before, &key, &entry()) == linked);
        let unlinked = unlink(&before, "servers", &key, Footprint::Entry);
        prop_assert!(place.unlink(&before, &key, Footprint::Entry) == unlinked);
    }

    #[test]
    fn removing_an_entry_keeps_all_other_lines(before in document(), key in "[abc]") {
        let after = unlink(&before, "servers", &key, Footprint::Entry).unwrap();
        let mut rest = before.lines();
        for line in after.lines() {
            prop_assert!(rest.any(|found| found == line), "{after}");
        }
    }
}
